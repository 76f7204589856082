# SPDX-License-Identifier: Apache-2.0
"""Does the example build and run as a user would: against the build tree, and against an installed tree through pkg-config?

The installed tree is made with DESTDIR, as a distribution packages it; the program is linked once with the shared library and
once statically, and both print what the build tree's prints."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TRI_BUILD", ROOT / "build")).resolve()
MODEL = ROOT / "tests" / "golden" / "tiny" / "model"
SOURCE = ROOT / "examples" / "embed_two.c"
CC = os.environ.get("CC", "cc")
count = failures = 0


def check(ok, what, detail=""):
    global count, failures
    count += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {what}")
    if not ok and detail:
        print("\n".join("#   " + line for line in detail.splitlines()[-20:]))
    return ok


def command(*words, env=None):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, env=env)


def sanitizer_flags():
    cache = (BUILD / "CMakeCache.txt").read_text()
    return ["-fsanitize=address,undefined"] if "TRI_SANITIZE:BOOL=ON" in cache else []


def compile_and_run(what, flags, program, env):
    built = command(CC, "-std=c11", "-Wall", "-Wextra", "-Werror", *sanitizer_flags(), SOURCE, "-o", program, *flags)
    if not check(built.returncode == 0, f"{what}: the example compiles and links", built.stderr):
        return None
    ran = command(program, MODEL, env=env)
    good = ran.returncode == 0 and re.fullmatch(r"dense  -?[\d.]+\nsparse -?[\d.]+\nmulti  -?[\d.]+\n", ran.stdout)
    check(bool(good), f"{what}: it prints three scores", ran.stdout + ran.stderr)
    return ran.stdout


def main():
    lines = SOURCE.read_text().count("\n")
    check(lines <= 40, f"the example is {lines} lines, 40 at most")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        env = dict(os.environ, LD_LIBRARY_PATH=str(BUILD))
        in_build = compile_and_run("build tree", [f"-I{ROOT}/include", f"-L{BUILD}", "-ltrident"], folder / "built", env)

        installed = command("cmake", "--install", BUILD, env=dict(os.environ, DESTDIR=str(folder / "root")))
        check(installed.returncode == 0, "cmake --install with DESTDIR", installed.stderr)
        pc = next((folder / "root").rglob("trident.pc"), None)
        if not check(pc is not None and shutil.which("pkg-config") is not None, "trident.pc is installed"):
            return
        pkg_env = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent), PKG_CONFIG_SYSROOT_DIR=str(folder / "root"))
        # A sysroot that holds our tree alone would hide the libraries that ours links statically: they keep the system's place.
        shared = command("pkg-config", "--cflags", "--libs", "trident", env=pkg_env)
        check(shared.returncode == 0 and "-ltrident" in shared.stdout, "pkg-config knows trident", shared.stderr)
        env = dict(os.environ, LD_LIBRARY_PATH=str(pc.parent.parent))
        out = compile_and_run("installed, shared", shared.stdout.split(), folder / "shared", env)
        check(out == in_build, "installed, shared: the same scores", f"{out}\n{in_build}")

        static = command("pkg-config", "--static", "--libs", "trident", env=pkg_env).stdout.split()
        flags = [f for f in shared.stdout.split() if f.startswith("-I")]
        flags += ["-l:libtrident.a" if f == "-ltrident" else f for f in static]
        out = compile_and_run("installed, static", flags, folder / "static", dict(os.environ))
        check(out == in_build, "installed, static: the same scores", f"{out}\n{in_build}")

        headers = {p.name for p in (folder / "root").rglob("*.h")}
        wanted = {p.name for p in (ROOT / "include").rglob("*.h")}
        check(headers == wanted, "the public headers are installed and nothing else", str(headers ^ wanted))
        version = command("pkg-config", "--modversion", "trident", env=pkg_env).stdout.strip()
        check(f'"{version}"' in (ROOT / "include" / "trident.h").read_text(), f"pkg-config's version {version} is the header's")


main()
print(f"1..{count}")
sys.exit(failures > 0)

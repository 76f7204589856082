# SPDX-License-Identifier: Apache-2.0
"""Does the test runner count what it says it counts? A runner that misses a crash makes every other test worthless.

A small tree with tests that pass, fail, skip, crash, stop early, say nothing and run too long is put beside a copy of it."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
count = failures = 0

PASSES = 'print("ok 1 - a")\nprint("ok 2 - b")\nprint("1..2")\n'
CASES = {  # name: (program, passed, failed, skipped)
    "passes": (PASSES, 2, 0, 0),
    "skips": ('print("ok 1 - a # SKIP no weights here")\nprint("ok 2 - b")\nprint("1..2")\n', 1, 0, 1),
    "cmocka_skips": ('print("1..2")\nprint("not ok 1 # SKIP a")\nprint("ok 2 - b")\n', 1, 0, 1),
    "fails": ('import sys\nprint("not ok 1 - a")\nprint("ok 2 - b")\nprint("1..2")\nsys.exit(1)\n', 1, 1, 0),
    "leaks": (PASSES + "import sys\nsys.exit(23)\n", 2, 1, 0),
    "crashes": (PASSES + "import os, signal, sys\nsys.stdout.flush()\nos.kill(os.getpid(), signal.SIGSEGV)\n", 2, 1, 0),
    "stops_early": ('print("1..3")\nprint("ok 1 - a")\n', 1, 1, 0),
    "says_nothing": ("", 0, 1, 0),
    "hangs": ('print("ok 1 - a", flush=True)\nimport time\ntime.sleep(60)\n', 1, 1, 0),
    "two_plans": ('print("1..1")\nprint("ok 1 - a")\nprint("1..1")\nprint("ok 1 - b")\n', 2, 0, 0),
}


def check(ok, what, detail=""):
    global count, failures
    count += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {what}")
    if not ok:
        print("\n".join("#   " + line for line in detail.splitlines()[-12:]))


def make_tree(folder, scripts):
    for name in ("tools", "tests/room", "fuzz", "build/tests"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "run_tests.py", folder / "tools")
    for name, text in scripts.items():
        (folder / "tests/room" / f"test_{name}.py").write_text(text)


def run(folder, *flags, **env):
    words = [sys.executable, str(folder / "tools/run_tests.py"), "build", "--timeout", "2", *flags]
    keep = {k: v for k, v in os.environ.items() if k != "TRI_REQUIRE"}
    done = subprocess.run(words, capture_output=True, text=True, env={**keep, **env})
    return done.returncode, done.stdout.rstrip().splitlines()[-1], done.stdout + done.stderr


def closing(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def main():
    for name, (text, passed, failed, skipped) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            make_tree(folder, {name: text})
            status, last, output = run(folder)
            want = closing(passed, failed, skipped)
            good = last == want and status == (1 if failed else 0)
            check(good, f"{name.replace('_', ' ')}: {want}", output)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_tree(folder, {name: case[0] for name, case in CASES.items() if name in ("passes", "skips", "fails")})
        status, last, output = run(folder)
        check(status == 1 and last == closing(4, 1, 1), "several are added up", output)
        status, last, output = run(folder, "-k", "passes")
        check(status == 0 and last == closing(2, 0, 0), "-k keeps those of that name", output)
        status, last, output = run(folder, "-k", "nothing")
        check(status == 1 and last == closing(0, 0, 0), "nothing ran is a failure", output)
        status, last, output = run(folder, "-k", "skips", TRI_REQUIRE="weights,shared")
        check(status == 1 and last == closing(1, 1, 0), "TRI_REQUIRE makes a skip for that reason a failure", output)
        status, last, output = run(folder, "-k", "skips", TRI_REQUIRE="shared")
        check(status == 0 and last == closing(1, 0, 1), "and leaves the others", output)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_tree(folder, {"passes": PASSES})
        (folder / "tests/room/test_unbuilt.c").write_text("")
        (folder / "fuzz/fuzz_unbuilt.c").write_text("")
        status, last, output = run(folder)
        check(status == 1 and last == closing(2, 2, 0), "a test and a fuzz target that were not built are failures", output)


main()
print(f"1..{count}")
sys.exit(failures > 0)

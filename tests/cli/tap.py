# SPDX-License-Identifier: Apache-2.0
"""tap.py: a line of TAP a check, and the program under test, for the scripts beside it."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIDENT = pathlib.Path(os.environ.get("TRI_BUILD", ROOT / "build")).resolve() / "trident"
count = failures = 0


def check(condition, what, detail=""):
    global count, failures
    count += 1
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {count} - {what}")
    if not condition:
        print("\n".join("#   " + line for line in str(detail).splitlines()[-20:]))


def skip(what, why):
    global count
    count += 1
    print(f"ok {count} - {what} # SKIP {why}")


def sanitized():
    """The program under test is built with sanitizers: slower, and its memory says nothing."""
    return "TRI_SANITIZE:BOOL=ON" in (TRIDENT.parent / "CMakeCache.txt").read_text()


def trident(*words, cwd=None):
    return subprocess.run([str(TRIDENT), *map(str, words)], capture_output=True, text=True, cwd=cwd)


def plan():
    """The closing line; true when a check failed."""
    print(f"1..{count}")
    return failures > 0

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py: does everything still hold?

    tools/run_tests.py [BUILD] [-k WORD]... [-j N] [--timeout S] [--quick] [--list] [-v]

What is run, each as a process of its own with a time limit:
  - every cmocka program BUILD/tests/test_X, one for each tests/**/test_X.c (a source without a program is a failure);
  - every script tests/**/test_X.py, which prints TAP itself;
  - every replayer BUILD/fuzz/fuzz_X over fuzz/corpus/X (a target without a corpus is a failure);
  - the checkers tools/check_*.py.

Invariants:
  1. What is counted are TAP lines: ok, not ok, and those with `# SKIP` (cmocka prints a skip as `not ok N # SKIP`).
  2. A process that crashes, leaks (the sanitizer's exit status), runs out of time, stops before its plan is done or reports
     nothing at all is a failure, even when every line it did print was ok.
  3. The last line is `N passed, N failed` and, when there are any, `, N skipped`. The exit status is 1 when anything failed,
     and when nothing ran.
  4. A skip says that something is not here (weights, the full reference sets beside the checkout). TRI_REQUIRE=weights,shared
     turns the skips whose reason has one of these words into failures; a skip without a reason counts as all of them.

It does not build: `make test` does that first. Python's standard library only."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULT = re.compile(r"^(ok|not ok)\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(#.*)?$")
SKIP = re.compile(r"#\s*SKIP\b\s*(.*)$", re.IGNORECASE)


class Unit:
    """One process to run, and what came of it."""

    def __init__(self, name, command, tap=True, missing=None):
        self.name, self.command, self.tap, self.missing = name, command, tap, missing
        self.passed = self.failed = 0
        self.skips = []  # (test, reason)
        self.causes = []  # why this unit failed, in words
        self.output, self.seconds = "", 0.0

    def fail(self, cause):
        self.failed += 1
        self.causes.append(cause)


def find_units(build, quick):
    units = []
    for source in sorted((ROOT / "tests").rglob("test_*.c")):
        if quick and source.parent.name == "torture":
            continue
        program = build / "tests" / source.stem
        here = program.is_file()
        units.append(Unit(str(source.relative_to(ROOT))[:-2], [str(program)],
                          missing=None if here else f"{program} was not built"))
    for script in sorted((ROOT / "tests").rglob("test_*.py")):
        if not quick:
            units.append(Unit(str(script.relative_to(ROOT)), [sys.executable, str(script)]))
    for source in sorted((ROOT / "fuzz").glob("fuzz_*.c")):
        program = build / "fuzz" / source.stem
        corpus = ROOT / "fuzz" / "corpus" / source.stem[len("fuzz_"):]
        missing = None
        if not program.is_file():
            missing = f"{program} was not built"
        elif not corpus.is_dir():
            missing = f"no corpus in {corpus.relative_to(ROOT)}"
        units.append(Unit(f"fuzz/{source.stem}", [str(program), str(corpus)], tap=False, missing=missing))
    for script in sorted((ROOT / "tools").glob("check_*.py")):
        units.append(Unit(str(script.relative_to(ROOT)), [sys.executable, str(script), str(build)]))
    return units


def read_tap(unit, required):
    """Counts the TAP lines of unit.output."""
    planned = seen = 0
    for line in unit.output.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned += int(plan.group(1))
            continue
        result = RESULT.match(line)
        if not result:
            continue
        seen += 1
        test = result.group(3)
        skip = SKIP.search(test)
        if skip:
            reason = skip.group(1).strip()
            what = test[:skip.start()].strip(" -")
            if not what:  # cmocka's `not ok 2 # SKIP name`: the name stands where a reason would
                what, reason = reason, ""
            wanted = [word for word in required if not reason or word in reason.lower()]
            if wanted:
                unit.fail(f"{what}: skipped, and TRI_REQUIRE asks for {','.join(wanted)}")
            else:
                unit.skips.append((what, reason))
        elif result.group(1) == "ok":
            unit.passed += 1
        else:
            unit.fail(test)
    if planned > seen:
        unit.fail(f"{planned - seen} of {planned} planned results are missing")


def run_unit(unit, env, timeout, required):
    if unit.missing:
        unit.fail(unit.missing)
        return unit
    started = time.monotonic()
    process = subprocess.Popen(unit.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    timed_out = False
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, signal.SIGKILL)  # the whole session: a test may have started a server
        output, _ = process.communicate()
    unit.seconds = time.monotonic() - started
    unit.output = output.decode("utf-8", "replace")

    if unit.tap:
        read_tap(unit, required)
    elif process.returncode == 0:
        unit.passed = 1
    if timed_out:
        unit.fail(f"still running after {timeout:g} s")
    elif process.returncode < 0:
        unit.fail(f"killed by {signal.Signals(-process.returncode).name}")
    elif process.returncode != 0 and unit.failed == 0:
        unit.fail(f"exit status {process.returncode}" + (" although no test failed" if unit.tap else ""))
    elif unit.passed + unit.failed + len(unit.skips) == 0:
        unit.fail("ran no test")
    return unit


def test_environment(build, quick):
    env = dict(os.environ)
    env["TRI_BUILD"] = str(build)
    env["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["LC_ALL"] = "C.UTF-8"
    env.setdefault("TRIDENT_CUDA_PLUGIN", "none")  # "auto" is the processor; what is about cards says so (conform_card.c)
    shared = ROOT.parent / "shared"
    if quick:
        env["TRI_SHARED"] = os.devnull  # not a folder: the full reference sets are skipped
    elif "TRI_SHARED" not in env and shared.is_dir():
        env["TRI_SHARED"] = str(shared)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:allocator_may_return_null=1:strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    return env


def report(unit, verbose):
    count = f"{unit.passed} ok"
    if unit.failed:
        count += f", {unit.failed} FAILED"
    if unit.skips:
        count += f", {len(unit.skips)} skipped"
    print(f"{'FAIL' if unit.failed else ' ok '} {unit.name:<44} {count:<28} {unit.seconds:6.1f} s", flush=True)
    if verbose and unit.output:
        print(unit.output, flush=True)


def telling_lines(output, around=40, last=30):
    """The failures of a TAP output, each with what is said around it; or the last lines, where nothing says `not ok`."""
    lines = output.splitlines()
    keep = set(range(max(0, len(lines) - last), len(lines)))
    failed = [i for i, line in enumerate(lines) if line.startswith("not ok") and not SKIP.search(line)]
    for i in failed:
        keep.add(i)
        for step in (-1, 1):  # cmocka puts its words before or after the line, as it comes
            j = i + step
            while 0 <= j < len(lines) and abs(j - i) <= around and not RESULT.match(lines[j]):
                keep.add(j)
                j += step
    if failed:
        keep = {i for i in keep if i >= len(lines) - 5 or any(abs(i - f) <= around for f in failed)}
    return [lines[i][:400] for i in sorted(keep)]


def load_times(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def main():
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # started in the background of a shell: tests that send Ctrl-C would hand this on to the programs they stop
        signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description="Runs every test and counts.")
    parser.add_argument("build", nargs="?", default="build", type=pathlib.Path)
    parser.add_argument("-k", dest="words", action="append", default=[], help="only units whose name has this word")
    parser.add_argument("-j", dest="jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one program or script")
    parser.add_argument("--quick", action="store_true", help="no scripts, no torture, no full reference sets")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("-v", dest="verbose", action="store_true", help="all output")
    options = parser.parse_args()
    build = (ROOT / options.build).resolve()

    units = [u for u in find_units(build, options.quick) if not options.words or any(w in u.name for w in options.words)]
    if options.list:
        print("\n".join(u.name for u in units))
        return 0
    times_file = build / "test-times.json"
    times = load_times(times_file)
    units.sort(key=lambda u: -times.get(u.name, 1e9))  # the slowest first: the last worker is not left alone with it
    required = [word for word in os.environ.get("TRI_REQUIRE", "").lower().split(",") if word]
    env = test_environment(build, options.quick)
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        done = [pool.submit(run_unit, unit, env, options.timeout, required) for unit in units]
        for future in concurrent.futures.as_completed(done):
            unit = future.result()
            times[unit.name] = round(unit.seconds, 2)
            report(unit, options.verbose)
    if build.is_dir():
        times_file.write_text(json.dumps(times, indent=1, sort_keys=True) + "\n")

    for unit in sorted((u for u in units if u.failed), key=lambda u: u.name):
        print(f"\n---- {unit.name}: {'; '.join(unit.causes[:8])}")
        print("\n".join(telling_lines(unit.output)))
        print(f"(whole output: tools/run_tests.py {options.build} -v -k {unit.name})")
    reasons = {}
    for unit in units:
        for what, reason in unit.skips:
            reasons.setdefault(reason or f"{unit.name}: {what}", []).append(what)
    if reasons:
        print("\nskipped:")
        for reason, tests in sorted(reasons.items()):
            print(f"  {len(tests):4}  {reason}")

    passed, failed, skipped = sum(u.passed for u in units), sum(u.failed for u in units), sum(len(u.skips) for u in units)
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

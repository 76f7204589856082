# SPDX-License-Identifier: Apache-2.0
"""peers_peak.py: what could this machine do just now? GFLOP/s of register-only loops, by precision and number of threads.

`trident bench --peak --json` measures; where the program at hand has no such command yet, bench_kernels' f32 peak stands in, and
the other classes have no share of peak. A result is {(precision, threads): GFLOP/s}."""
import json
import pathlib
import subprocess
import time

WORTH = 0.9  # of a thread among others, against one alone: 1.8 of two
PATIENCE = (5, 10, 20, 40)  # seconds between tries when the machine is busy


def from_kernels(options, threads):
    """The best f32 peak of the first few rows; the rest of that program's table is not waited for."""
    program = options.trident.parent / "bench/bench_kernels"
    if not program.exists():
        return {}
    isa = "avx512" if "avx512f" in pathlib.Path("/proc/cpuinfo").read_text() else "avx2"
    process = subprocess.Popen([program, isa, str(threads), "linear"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    peaks = []
    for line in process.stdout:
        if line.startswith("linear"):
            peaks.append(float(line.split(",")[-2]))
        if len(peaks) == 3:
            break
    process.kill()
    process.wait()
    return {("f32", threads): max(peaks)} if peaks else {}


def measure(options):
    words = [options.trident, "bench", "--peak", "--json", "--threads", str(options.threads)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode == 0:
        try:
            return {(row["precision"], row["threads"]): row["gflops"] for row in json.loads(done.stdout)["peak"]}
        except (ValueError, KeyError, TypeError):
            pass
    return {**from_kernels(options, 1), **from_kernels(options, options.threads)}


def scalings(peak):
    """Threads' worth of each precision: 2.0 where two threads give twice one."""
    return {kind: peak[kind, n] / peak[kind, 1] / n for kind, n in peak if n > 1 and (kind, 1) in peak}


def good(peak):
    return all(worth >= WORTH for worth in scalings(peak).values())


def words(peak):
    parts = [f"{kind} x{n} {value:.0f}" for (kind, n), value in sorted(peak.items())]
    return ", ".join(parts) if parts else "not known"


def mean(before, after):
    return {key: (before[key] + after.get(key, before[key])) / 2 for key in before}


def wait_for_quiet(options, say):
    """A peak on a machine that is ours; None where it does not become so."""
    for pause in (*PATIENCE, None):
        peak = measure(options)
        if options.accept_busy or good(peak):
            return peak
        if pause is None:
            return None
        say(f"the machine is busy ({words(peak)}): another look in {pause} s")
        time.sleep(pause)
    return None

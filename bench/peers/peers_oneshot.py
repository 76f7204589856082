# SPDX-License-Identifier: Apache-2.0
"""peers_oneshot.py: a whole process for one query on small-m3, from the command line to the vector on disk, page cache warm."""
import json
import statistics
import subprocess
import sys
import time

from packed_folder import find_packed
from peers_engines import ROOT

RUNS = {"trident": 15, "onnxruntime": 5, "torch": 3}
TEXT = "How do plants make food?"


def time_command(words, runs):
    times = []
    for run in range(runs + 1):  # the first one warms the page cache
        begin = time.perf_counter()
        done = subprocess.run(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        times.append((time.perf_counter() - begin) * 1e3)
        if done.returncode:
            raise RuntimeError((done.stderr.strip().splitlines() or ["failed"])[-1][:200])
    return statistics.median(times[1:])


def commands(options, small, work):
    """(name, engine, function that gives its command line)"""
    source = work / "oneshot.jsonl"
    source.write_text(json.dumps({"text": TEXT}) + "\n")
    tail = ["-i", source, "-o", work / "oneshot.out.jsonl", "--want", "dense", "-q", "--role", "query", "--threads", options.threads]

    def trident(precision):
        folder = find_packed(options.trident, small.folder, work, precision, work / f"{small.name}-calibration.jsonl")
        return [options.trident, "encode", folder, *tail, "--precision", precision]

    graphs = work / "onnx-small-m3"
    lean = [ROOT / ".venv-peers-ort/bin/python", ROOT / "bench/peers/oneshot_ort.py"]
    words = [small.folder / "tokenizer.json", "query: " + TEXT, options.threads]
    sentence_transformers = [sys.executable, ROOT / "bench/peers/oneshot_st.py", small.folder, TEXT]
    return [*((f"Trident {kind}", "trident", lambda kind=kind: trident(kind)) for kind in options.classes),
            ("sentence-transformers", "torch", lambda: sentence_transformers),
            *((f"lean ONNX Runtime {kind}", "onnxruntime", lambda kind=kind: [*lean, graphs / f"full-{kind}.onnx", *words])
              for kind in ("f32", "int8"))]


def measure(options, small, work, say):
    """[(name, ms or None, why not)]"""
    out = []
    wanted = {engine.name for engine in options.engines}
    for name, engine, command in commands(options, small, work):
        if engine not in wanted:
            continue
        try:
            out.append((name, time_command(command(), RUNS[engine]), None))
            say(f"  whole process, one query: {name:<24} {out[-1][1]:9.1f} ms")
        except (RuntimeError, OSError) as error:
            out.append((name, None, str(error)))
            say(f"  whole process, one query: {name:<24} {error}")
    return out

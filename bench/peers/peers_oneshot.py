# SPDX-License-Identifier: Apache-2.0
"""peers_oneshot.py: a whole process for one query on small-m3, from the command line to the vector on disk, page cache warm."""
import json
import statistics
import subprocess
import sys
import time

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
    source = work / "oneshot.jsonl"
    source.write_text(json.dumps({"text": TEXT}) + "\n")
    encode = [options.trident, "encode", small.folder, "-i", source, "-o", work / "oneshot.out.jsonl", "--want", "dense", "-q",
              "--role", "query", "--threads", options.threads]
    int8 = [encode[0], "encode", work / "trident-int8-small-m3", *encode[3:], "--precision", "int8"]
    graphs = work / "onnx-small-m3"
    lean = [ROOT / ".venv-peers-ort/bin/python", ROOT / "bench/peers/oneshot_ort.py"]
    tail = [small.folder / "tokenizer.json", "query: " + TEXT, options.threads]
    return [("Trident f32", "trident", encode), ("Trident bf16", "trident", [*encode, "--precision", "bf16"]),
            ("Trident int8", "trident", int8),
            ("sentence-transformers", "torch", [sys.executable, ROOT / "bench/peers/oneshot_st.py", small.folder, TEXT]),
            ("lean ONNX Runtime f32", "onnxruntime", [*lean, graphs / "full-f32.onnx", *tail]),
            ("lean ONNX Runtime int8", "onnxruntime", [*lean, graphs / "full-int8.onnx", *tail])]


def measure(options, small, work, say):
    """[(name, ms or None, why not)]"""
    out = []
    wanted = {engine.name for engine in options.engines}
    for name, engine, words in commands(options, small, work):
        if engine not in wanted:
            continue
        try:
            out.append((name, time_command(words, RUNS[engine]), None))
            say(f"  whole process, one query: {name:<24} {out[-1][1]:9.1f} ms")
        except (RuntimeError, OSError) as error:
            out.append((name, None, str(error)))
            say(f"  whole process, one query: {name:<24} {error}")
    return out

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_manners.py: is it a good neighbour? A query's p95 beside a busy process, and what an idle engine costs.

    make bench-manners        or: .venv-bench/bin/python bench/peers/bench_manners.py build/trident [--engines ..] [--seconds X]

After `make bench-peers`, whose environments and sets it uses. Each engine with small-m3 answers one query of 16 tokens again and
again on all threads: alone, then beside one process that never sleeps. Alone and beside take turns, three of each; p95 is over all
of a state's queries. Then nobody asks for three seconds, and the processor time that the worker took is read."""
import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]
from bench_quality import commit, machine  # noqa: E402
from peers_engines import CLASSES, ENGINES, Died, Running  # noqa: E402

TURNS, IDLE_SECONDS = 3, 3.0
SPIN = "while True: pass"


def processor_seconds(pid):
    """Of a process and its children, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def queries(running, query, seconds):
    reply = running.ask(op="time", set=query, order="single", seconds=seconds, cold_ms=0)
    if "ok" not in reply:
        raise Died(reply.get("failed", "no answer"))
    return reply["ms"]


def measure(engine, kind, model, options):
    """{figure: value}, or a word on why not."""
    if engine.absent():
        return engine.absent()
    log = options.work / "workers.log"
    with Running(engine, options.threads, log) as running:
        reply = running.ask(op="open", model=model, precision=engine.precisions[kind], threads=options.threads, cache=options.work,
                            calibration=options.work / "small-m3-calibration.jsonl", trident=options.trident)
        if "ok" not in reply:
            return reply.get("absent") or reply.get("failed")
        query, alone, beside = options.work / "query-one.json", [], []
        for _ in range(TURNS):
            alone += queries(running, query, options.seconds)
            spinner = subprocess.Popen([sys.executable, "-c", SPIN])
            try:
                time.sleep(0.2)
                beside += queries(running, query, options.seconds)
            finally:
                spinner.kill()
                spinner.wait()
        time.sleep(0.5)  # what an engine spins after its last answer is its own affair, within reason
        before = processor_seconds(running.process.pid)
        time.sleep(IDLE_SECONDS)
        idle = processor_seconds(running.process.pid) - before
    p95 = [float(np.percentile(times, 95)) for times in (alone, beside)]
    return {"p50 alone": float(np.median(alone)), "p95 alone": p95[0], "p50 beside": float(np.median(beside)), "p95 beside": p95[1],
            "rise": p95[1] / p95[0], "idle": 100 * idle / IDLE_SECONDS}


def main():
    parser = argparse.ArgumentParser(description="A query's p95 beside a busy process; idle processor time.")
    parser.add_argument("trident", nargs="?", type=pathlib.Path, default=ROOT / "build/trident")
    parser.add_argument("--engines", default="trident,onnxruntime,openvino,torch,ctranslate2,llama.cpp,bge-m3-lite")
    parser.add_argument("--classes", default=",".join(CLASSES))
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench-peers")
    parser.add_argument("--csv", type=pathlib.Path, default=ROOT / "bench/results/manners.csv")
    options = parser.parse_args()
    options.trident, options.work = options.trident.resolve(), options.work.resolve()
    if not (options.work / "query.json").exists():
        sys.exit(f"{options.work / 'query.json'} is not there: make bench-peers makes it")
    one = json.loads((options.work / "query.json").read_text("utf-8"))
    (options.work / "query-one.json").write_text(json.dumps({**one, "ids": one["ids"][:1], "texts": one["texts"][:1]}), "utf-8")
    done = subprocess.run([options.trident, "info", "small-m3", "--json"], capture_output=True, text=True, check=True)
    model = json.loads(done.stdout)["model"]
    figures = ("p50 alone", "p95 alone", "p50 beside", "p95 beside", "rise", "idle")
    print(f"{'engine':<22}{'class':<6}" + "".join(f"{name:>12}" for name in figures) + "   (ms; rise of p95; % of a core)")
    rows = []
    for kind in options.classes.split(","):
        for engine in ENGINES:
            if engine.name not in options.engines.split(",") or kind not in engine.precisions:
                continue
            try:
                found = measure(engine, kind, model, options)
            except Died as error:
                found = str(error)
            if isinstance(found, str):
                print(f"{engine.title:<22}{kind:<6}  {found}", flush=True)
                continue
            print(f"{engine.title:<22}{kind:<6}" + "".join(f"{found[name]:12.2f}" for name in figures), flush=True)
            rows.append([machine(), commit(), options.threads, engine.name, kind, *(f"{found[name]:.3f}" for name in figures)])
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["machine", "commit", "threads", "engine", "class", *(f"{name} ms" for name in figures[:4]), "p95 rise",
                      "idle % of a core"])
        out.writerows(rows)
    print(f"{options.csv} written")


if __name__ == "__main__":
    main()

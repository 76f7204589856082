#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_tokenizer.py: how fast is a tokenizer beside HF tokenizers, on this machine, in this run?

    .venv-bench/bin/python bench/bench_tokenizer.py build/bench/bench_tokenizer [--model small-m3] [--rounds 3] [FILE...]

A FILE holds a text a line, or is JSONL with "title" and "text". Without one: English and Chinese, scifact and cmrc2018 from the shared
data ($TRI_SHARED, default ../shared) where they are, else the passages of `trident demo`. Both sides see the same lines, and run in
turns; the best of the rounds counts for each.

    open ms        to open tokenizer.json, one thread, processor time
    one thread     MB/s of text by one thread, processor time; the reference is at its best, encode_batch_fast without threads
    all threads    MB/s of one call with the whole list, wall time; `scaling` is that over the same call with one thread, by wall time too
A busy machine lowers wall times and the scaling, and processor times little. The numbers of tokens must agree: a benchmark of something
else is worth nothing. The table goes to bench/results/tokenizer.csv as well. Run by `make bench-tokenizer`."""
import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from bench_quality import ROOT, commit, machine
from tokenizers import Tokenizer, __version__

SHARED = pathlib.Path(os.environ.get("TRI_SHARED", ROOT.parent / "shared"))
SETS = {"English": (SHARED / "data/scifact/corpus.jsonl", ROOT / "data/xquad-demo/corpus.en.jsonl"),
        "Chinese": (SHARED / "data/cmrc2018/corpus.jsonl", ROOT / "data/xquad-demo/corpus.zh.jsonl")}
LINE = re.compile(r"bytes, (\d+) tokens, lines ([0-9.]+) MB/s, whole ([0-9.]+) MB/s, list (?:([0-9.]+) MB/s, \d+ threads ([0-9.]+) MB/s|-)")


def lines_of(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if path.suffix == ".jsonl":
            record = json.loads(line)
            line = f"{record.get('title') or ''} {record['text']}"
        yield " ".join(line.split())


def gather(paths, folder):
    """(name, file of a text a line) of each set."""
    named = [(path.name, path) for path in paths] or [(f"{name} ({pick.parent.name})", pick) for name, pick in
                                                      ((name, next(p for p in at if p.exists())) for name, at in SETS.items())]
    for i, (name, path) in enumerate(named):
        out = folder / f"{i}.txt"
        out.write_text("".join(line + "\n" for line in lines_of(path)), encoding="utf-8")
        yield name, out


def run_trident(program, model, threads, files):
    """(ms to open, [(tokens, MB/s of one thread, of a list with one thread, with all)])"""
    out = subprocess.run([program, model, str(threads), *files], capture_output=True, text=True, check=True).stdout.splitlines()
    opened = float(re.fullmatch(r"open ([0-9.]+) ms", out[0])[1])
    rows = [LINE.search(line) for line in out[1:]]
    return opened, [(int(m[1]), float(m[2]), float(m[4] or "nan"), float(m[5] or "nan")) for m in rows]


def batch(tokenizer, texts, parallel, clock):
    """(tokens, seconds); the variable is read at each call."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if parallel else "false"
    start = clock()
    encodings = tokenizer.encode_batch_fast(texts)
    seconds = clock() - start
    return sum(len(e.ids) for e in encodings), seconds


def run_reference(model, files):
    start = time.thread_time()
    tokenizer = Tokenizer.from_file(str(pathlib.Path(model) / "tokenizer.json"))
    opened = (time.thread_time() - start) * 1e3
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = []
    for path in files:
        texts, size = path.read_text(encoding="utf-8").splitlines(), path.stat().st_size / 1e6
        tokens, alone = batch(tokenizer, texts, False, time.thread_time)
        one = batch(tokenizer, texts, False, time.perf_counter)[1]
        together = batch(tokenizer, texts, True, time.perf_counter)[1]
        rows.append((tokens, size / alone, size / one, size / together))
    return opened, rows


def table(options, files, rounds):
    """Rows (set, what, trident, reference)."""
    yield ("tokenizer.json", "open ms", *(min(r[side][0] for r in rounds) for side in (0, 1)))
    for i, (name, _) in enumerate(files):
        if len({r[side][1][i][0] for r in rounds for side in (0, 1)}) != 1:
            sys.exit(f"{name}: the numbers of tokens differ")
        best = [[max(r[side][1][i][j] for r in rounds) for j in range(4)] for side in (0, 1)]
        yield (name, "one thread MB/s", best[0][1], best[1][1])
        yield (name, f"{options.threads} threads MB/s", best[0][3], best[1][3])
        yield (name, "scaling", best[0][3] / best[0][2], best[1][3] / best[1][2])


def main():
    parser = argparse.ArgumentParser(description="A tokenizer beside HF tokenizers.")
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--model", default="small-m3", help="a folder with tokenizer.json, or the name of a pulled model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--csv", default=ROOT / "bench/results/tokenizer.csv", type=pathlib.Path)
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)  # before the reference's first call with threads
    program = options.program.resolve()
    model = options.model
    if not pathlib.Path(model).is_dir():
        asked = subprocess.run([program.parents[1] / "trident", "info", model, "--json"], capture_output=True, text=True, check=True)
        model = json.loads(asked.stdout)["model"]

    with tempfile.TemporaryDirectory() as folder:
        files = list(gather(options.files, pathlib.Path(folder)))
        paths = [path for _, path in files]
        rounds = [(run_trident(program, model, options.threads, paths), run_reference(model, paths)) for _ in range(options.rounds)]
    rows = list(table(options, files, rounds))
    print(f"{machine()}, trident {commit()}, tokenizers {__version__}\n{'set':<20} {'what':<18} {'trident':>9} {'reference':>10} {'ratio':>7}")
    for name, what, ours, theirs in rows:
        ratio = "" if what == "scaling" else f"{theirs / ours if what == 'open ms' else ours / theirs:7.1f}"
        print(f"{name:<20} {what:<18} {ours:9.2f} {theirs:10.2f} {ratio}")
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["machine", "commit", "reference", "set", "what", "trident", "reference's"])
        out.writerows([machine(), commit(), f"tokenizers {__version__}", name, what, f"{ours:.3f}", f"{theirs:.3f}"]
                      for name, what, ours, theirs in rows)
    print(f"{options.csv} written")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_tokenizer.py: how fast is a tokenizer beside HF tokenizers, on this machine, in this run?

    VENV/bin/python bench/bench_tokenizer.py build/bench/bench_tokenizer MODEL_DIR FILE... [--rounds 3]

MODEL_DIR holds a tokenizer.json; each line of a FILE is one text. Both sides use one thread and are measured in processor time; they
run in turns, and the best of the rounds counts for each. VENV needs `pip install tokenizers==0.22.2`. Prints CSV. The
numbers of tokens must agree: a benchmark of something else is worth nothing."""
import argparse
import os
import re
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402 (the variable must be set before)


def run_trident(program, model, files):
    out = subprocess.run([program, model, *files], capture_output=True, text=True, check=True).stdout.splitlines()
    opened = float(re.fullmatch(r"open ([0-9.]+) ms", out[0])[1])
    lines = [re.search(r"bytes, (\d+) tokens, lines ([0-9.]+) MB/s", line) for line in out[1:]]
    return opened, [(int(m[1]), float(m[2])) for m in lines]


def run_reference(model, files):
    start = time.thread_time()
    tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
    opened = (time.thread_time() - start) * 1e3
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = []
    for path in files:
        with open(path, encoding="utf-8", newline="\n") as f:
            texts = f.read().removesuffix("\n").split("\n")
        start = time.thread_time()
        tokens = sum(len(tokenizer.encode(text).ids) for text in texts)
        rows.append((tokens, os.path.getsize(path) / (time.thread_time() - start) / 1e6))
    return opened, rows


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("program")
    a.add_argument("model")
    a.add_argument("files", nargs="+")
    a.add_argument("--rounds", type=int, default=3)
    a = a.parse_args()
    rounds = [(run_trident(a.program, a.model, a.files), run_reference(a.model, a.files)) for _ in range(a.rounds)]
    print("what,trident,reference,ratio")
    ours, theirs = (min(r[side][0] for r in rounds) for side in (0, 1))
    print(f"open ms,{ours:.1f},{theirs:.1f},{theirs / ours:.1f}")
    for i, path in enumerate(a.files):
        if len({r[side][1][i][0] for r in rounds for side in (0, 1)}) != 1:
            sys.exit(f"{path}: the numbers of tokens differ")
        ours, theirs = (max(r[side][1][i][1] for r in rounds) for side in (0, 1))
        print(f"{os.path.basename(path)} MB/s,{ours:.1f},{theirs:.2f},{ours / theirs:.1f}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_chunks.py: `encode --chunk` is what it says: pieces of so many tokens, encoded alone, joined by mean or maximum. On the tiny
model, against the same put together from `tokenize` and `encode` of token ids."""
import json
import math
import pathlib
import random
import sys
import tempfile

from tap import ROOT, check, plan, trident

MODEL = ROOT / "tests/golden/tiny/model"


def lines(run):
    return [json.loads(line) for line in run.stdout.splitlines()]


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def by_hand(folder, text, room, pool):
    ids = lines(trident("tokenize", MODEL, "-i", write(folder / "t.jsonl", [{"text": text}]), "--no-specials"))[0]["ids"]
    pieces = [[0, *ids[at:at + room], 2] for at in range(0, max(len(ids), 1), room)]
    rows = [row["dense"] for row in lines(trident("encode", MODEL, "-i", write(folder / "p.jsonl", [{"ids": p} for p in pieces]), "--want", "dense"))]
    joined = [max(column) if pool == "max" else sum(column) / len(column) for column in zip(*rows)]
    length = math.sqrt(sum(v * v for v in joined))
    return [v / length for v in joined], sum(map(len, pieces))


def main():
    rng = random.Random(1)
    words = "what is a dense vector of long text about retrieval and its three outputs 检索 模型".split()
    texts = ["", "short text", " ".join(rng.choices(words, k=150))]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source = write(folder / "texts.jsonl", [{"text": t} for t in texts])
        plain = lines(trident("encode", MODEL, "-i", source, "--want", "dense"))
        for pool in ("mean", "max"):
            run = trident("encode", MODEL, "-i", source, "--want", "dense", "--chunk", "32", "--pool", pool)
            got = lines(run)
            near = max(abs(a - b) for x, y in zip(got[:2], plain[:2]) for a, b in zip(x["dense"], y["dense"]))
            check(run.returncode == 0 and near < 1e-6, f"{pool}: a text of one piece is itself", run)
            want, tokens = by_hand(folder, texts[2], 30, pool)
            check(tokens > 100 and got[2]["tokens"] == tokens and max(abs(a - b) for a, b in zip(got[2]["dense"], want)) < 1e-6,
                  f"{pool}: a long text is joined from its pieces", (tokens, got[2]["tokens"]))
        for words in (("--chunk", "2"), ("--chunk", "100000")):
            run = trident("encode", MODEL, "-i", source, "--want", "dense", *words)
            check(run.returncode == 1 and "pieces of" in run.stderr, "refused: " + " ".join(words), run)
        run = trident("encode", MODEL, "-i", source, "--chunk", "32")
        check(run.returncode == 2 and "--want dense" in run.stderr, "pieces are for dense vectors", run)
    return plan()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_precisions.py: what do bf16 and int8 lose against f32 on real text, head by head and in nDCG@10?

    make bench-precisions     or: .venv-bench/bin/python bench/bench_precisions.py [TRIDENT] [--shared DIR] [--sets a,b]

int8 is calibrated on the demonstration's 720 passages (data/xquad-demo, three languages), as the README does it. The heads are
compared on the first PASSAGES passages of CMRC 2018, which calibration has not seen, and on LAYERS layers of BGE-M3's shape with
random weights and OUTLIERS channels that stand out thirtyfold. nDCG@10 goes bench_quality.py's way on six sets: index, search and
questions all in the one precision. The exit status says whether every bar is met.

About fifteen minutes on two cores and 2 GB of disk; finished indexes in --work are used again."""
import argparse
import csv
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]
from bench_quality import WAYS, commit, find_sets, machine, measure  # noqa: E402
from packed_folder import find_packed  # noqa: E402

SETS = ("cmrc2018", "cranfield", "xquad-zh", "xquad-en", "xquad-ar", "xquad-zh-en")
PASSAGES = 200
LAYERS, OUTLIERS, RANDOM_VOCABULARY, RANDOM_TEXTS = 4, 8, 4096, 200
HEAVIEST = 5
# (figure, precision): the bar; None: only shown
BARS = {("dense mean", "int8"): 0.9997, ("dense least", "bf16"): 0.9999, ("dense least", "int8"): 0.998,
        ("multi least", "bf16"): 0.999, ("multi p5", "int8"): 0.9985, ("sparse top 5 kept", "int8"): 4.8}
MOST_LOST = {"bf16": 0.002, "int8": 0.005}  # of nDCG@10, each set


def read_safetensors(path):
    """{name: array}, of the types that `encode` writes."""
    types = {"F32": np.float32, "I32": np.int32, "I64": np.int64}
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    body = memoryview(data)[8 + length:]
    return {name: np.frombuffer(body[t["data_offsets"][0]:t["data_offsets"][1]], types[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items()}


def rows_cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def heaviest(outputs, text):
    first, end = outputs["sparse_offsets"][text:text + 2]
    ids, weights = outputs["sparse_ids"][first:end], outputs["sparse_weights"][first:end]
    return set(ids[np.argsort(-weights, kind="stable")[:HEAVIEST]].tolist())


def compare_heads(reference, outputs):
    dense = rows_cosine(reference["dense"], outputs["dense"])
    multi = rows_cosine(reference["multi"], outputs["multi"])
    texts = [i for i in range(len(dense)) if len(heaviest(reference, i)) == HEAVIEST]
    kept = [len(heaviest(reference, i) & heaviest(outputs, i)) for i in texts]
    return {"dense mean": dense.mean(), "dense least": dense.min(), "multi p5": np.percentile(multi, 5), "multi least": multi.min(),
            "sparse top 5 kept": float(np.mean(kept))}


def run(options, *words):
    return subprocess.run([str(word) for word in (options.trident, *words)], stdout=subprocess.PIPE, text=True, check=True).stdout


def with_int8(options, model, texts):
    """A folder with the calibrated file. Our own random model is judged here, whatever the gate says of it."""
    if pathlib.Path(model).parent != options.work:
        return find_packed(options.trident, model, options.work, "int8", texts)
    run(options, "export", "packed", model, "--precision", "int8", "--calibrate", texts, "--force", "-q")
    return model


def real_model(options):
    """small-m3, and its texts: (folder, calibration, compared)."""
    calibration, passages = options.work / "calibration.jsonl", options.work / "passages.jsonl"
    corpora = sorted((ROOT / "data/xquad-demo").glob("corpus.*.jsonl"))
    calibration.write_text("".join(path.read_text("utf-8") for path in corpora), "utf-8")
    lines = (options.shared / "data/cmrc2018/corpus.jsonl").read_text("utf-8").splitlines(keepends=True)[:PASSAGES]
    passages.write_text("".join(lines), "utf-8")
    return json.loads(run(options, "pull", "small-m3", "--json"))["dir"], calibration, passages


def random_ids(path, seed):
    draw = random.Random(seed)
    rows = [[0] + [draw.randrange(4, RANDOM_VOCABULARY) for _ in range(draw.randrange(20, 200))] + [2] for _ in range(RANDOM_TEXTS)]
    path.write_text("".join(json.dumps({"ids": row}) + "\n" for row in rows))
    return path


def random_model(options):
    """BGE-M3's shape with outlier channels, and heads as torch initialises them."""
    import torch
    folder = options.work / "bge-m3-outliers"
    if not (folder / "sparse_linear.pt").exists():
        run(options, "bench", "--make-model", folder, "--shape", "bge-m3", "--layers", LAYERS, "--vocab", RANDOM_VOCABULARY,
            "--outliers", OUTLIERS, "--dtype", "bf16", "-q")
        torch.manual_seed(1)
        torch.save(torch.nn.Linear(1024, 1024).state_dict(), folder / "colbert_linear.pt")
        torch.save(torch.nn.Linear(1024, 1).state_dict(), folder / "sparse_linear.pt")
    return folder, random_ids(options.work / "random-calibration.jsonl", 1), random_ids(options.work / "random-texts.jsonl", 2)


def encode(options, model, texts, precision):
    out = options.work / f"{texts.stem}.{precision}.safetensors"
    run(options, "encode", model, "-i", texts, "-o", out, "--role", "none", "--want", "dense,sparse,multi", "--precision", precision,
        "-q")
    return read_safetensors(out)


def ask(words):
    parser = argparse.ArgumentParser(description="What bf16 and int8 lose against f32.")
    parser.add_argument("trident", nargs="?", default=ROOT / "build/trident", type=pathlib.Path)
    parser.add_argument("--shared", default=os.environ.get("TRI_SHARED", ROOT.parent / "shared"), type=pathlib.Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--work", default=ROOT / "build/bench-precisions", type=pathlib.Path)
    parser.add_argument("--csv", default=ROOT / "bench/results/precisions.csv", type=pathlib.Path)
    options = parser.parse_args(words)
    options.trident, options.sets = options.trident.resolve(), options.sets.split(",")
    if not (options.shared / "data").is_dir():
        sys.exit(f"no reference sets in {options.shared / 'data'}: name the folder that holds data/ with --shared or TRI_SHARED")
    unknown = set(options.sets) - {one.name for one in find_sets(options.shared / "data")}
    if unknown:
        sys.exit(f"unknown sets: {', '.join(sorted(unknown))}")
    return options


class Table:
    """Lines of the report and rows of the CSV, with each bar looked at as it goes by."""

    def __init__(self):
        self.rows, self.missed, self.head = [], 0, [machine(), commit()]

    def line(self, precision, what, figure, value, bar, missed):
        missed = bool(missed)
        self.missed += missed
        shown = f"{value:.6f}" if abs(value) < 2 else f"{value:.3f}"
        print(f"{precision:<6}{what:<17}{figure:<20}{shown:>10}" + (f"  bar {bar:g}" if bar is not None else "") + " MISSED" * missed,
              flush=True)
        self.rows.append([*self.head, precision, what, figure, shown, "" if bar is None else f"{bar:g}"])

    def write(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["machine", "commit", "precision", "texts", "figure", "value", "bar"])
            out.writerows(self.rows)


def compare_model(options, table, name, model, calibration, texts):
    """The three heads in bf16 and int8 against f32; the folder of each precision."""
    folders = {"f32": model, "bf16": model, "int8": with_int8(options, model, calibration)}
    reference = encode(options, model, texts, "f32")
    for precision in ("bf16", "int8"):
        for figure, value in compare_heads(reference, encode(options, folders[precision], texts, precision)).items():
            bar = BARS.get((figure, precision))
            table.line(precision, name, figure, value, bar, bar is not None and value < bar)
    return folders


def compare_sets(options, table, folders):
    known, found = {one.name: one for one in find_sets(options.shared / "data")}, {}
    for precision in folders:  # indexes of an earlier run were made with other kernels, or of another int8 file
        shutil.rmtree(options.work / precision, ignore_errors=True)
    for name in options.sets:
        for precision, options.model in folders.items():
            folder = options.work / precision
            folder.mkdir(exist_ok=True)
            values = measure(known[name], options, folder, ["--precision", precision])[0]
            for way in WAYS:
                value = found[precision, way] = values[way]["ndcg@10"]
                table.line(precision, name, f"ndcg@10 {way}", value, None, False)
                if precision != "f32":
                    lost = 1 - value / found["f32", way]
                    table.line(precision, name, f"lost {way}", lost, MOST_LOST[precision], lost > MOST_LOST[precision])


def main():
    options = ask(sys.argv[1:])
    options.work.mkdir(parents=True, exist_ok=True)
    table = Table()
    compare_model(options, table, "bge-m3 outliers", *random_model(options))
    compare_sets(options, table, compare_model(options, table, "cmrc2018", *real_model(options)))
    table.write(options.csv)
    print(f"\n{options.csv} written; {table.missed} bars missed")
    return table.missed > 0


if __name__ == "__main__":
    sys.exit(main())

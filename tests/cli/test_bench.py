#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_bench.py: does `trident bench` keep its contract: rows and fields, shares of a measured peak, the CSV that grows, models made
for measuring, and words for what it refuses? On the tiny model, with no time to spare: no figure is judged beyond what must hold."""
import csv
import hashlib
import json
import pathlib
import shutil
import sys
import tempfile

from tap import ROOT, check, plan, trident

TINY = ROOT / "tests/golden/tiny/model"
FIELDS = {"shape", "round", "texts", "tokens", "runs", "median_ms", "p95_ms", "min_ms", "max_ms", "tokens_per_s", "texts_per_s",
          "gflops", "peak_gflops", "peak_of_one_thread", "share", "cores_shared", "lengths"}
# A share above 1 is a fault, but for clocks that move between the two. Where others use the machine, which the row then says, runs of
# 30 microseconds slip between its turns and the peak's 20 ms do not: no bound holds.
MOST = 1.2


def bench(*words):
    return trident("bench", *words, "--seconds", "0")


def results(*words):
    run = bench(*words, "--json")
    return json.loads(run.stdout) if run.returncode == 0 else {"results": [], "stderr": run.stderr}


def check_rows():
    for precision in ("f32", "bf16"):
        report = results(TINY, "--shapes", "1x16,3x5", "--precision", precision, "--threads", "2")
        rows = report["results"]
        check([(r["shape"], r["texts"], r["tokens"]) for r in rows] == [("1x16", 1, 16), ("3x5", 3, 15)],
              f"{precision}: a row for each shape", report)
        check(0 < report["memory"]["private_after_open_bytes"] < report["memory"]["peak_bytes"], f"{precision}: memory", report)
        check(all(set(r) == FIELDS and r["runs"] >= 3 for r in rows), f"{precision}: the fields are there", report)
        check(all(0 < r["share"] and (r["share"] < MOST or r["cores_shared"]) and r["gflops"] > 0
                  and 0 < r["min_ms"] <= r["median_ms"] <= r["p95_ms"] <= r["max_ms"] for r in rows), f"{precision}: figures are in order",
              report)
        check(report.get("precision") == precision and report.get("threads") == 2 and report.get("commit"),
              f"{precision}: the machine is named", report)


# The operations of one text, counted by hand from the tiny model's shape: of the last layer keys and values of all, the rest of one.
def check_operations():
    info = json.loads((TINY / "config.json").read_text())
    width, ffn, layers, n = info["hidden_size"], info["intermediate_size"], info["num_hidden_layers"], 7
    matrices = 4 * width * width + 2 * width * ffn
    last = 2 * 2 * width * width * n + 2 * (2 * width * width + 2 * width * ffn) + 4 * n * width
    want = (layers - 1) * (2 * matrices * n + 4 * n * n * width) + last
    rows = results(TINY, "--shapes", f"1x{n}", "--want", "dense")["results"]
    got = [r["gflops"] * r["median_ms"] * 1e6 for r in rows]
    check(len(got) == 1 and abs(got[0] / want - 1) < 0.05, "operations are counted for the wanted rows", (got, want))


def check_peak():
    run = trident("bench", "--peak", "--json", "--threads", "2")
    rows = json.loads(run.stdout)["peak"]
    want = [(precision, threads) for precision in ("f32", "bf16", "int8") for threads in (1, 2)]
    check([(r["precision"], r["threads"]) for r in rows] == want and all(r["gflops"] > 0 for r in rows), "the peak as JSON", run)
    text = trident("bench", "--peak", "--threads", "1")
    check(text.returncode == 0 and text.stdout.count("\n") == 4, "the peak as a table", text)
    for isa in (line.split("\t")[0] for line in kernels()):
        one = trident("bench", "--peak", "--isa", isa, "--threads", "1", "--json")
        if isa == "ref":
            check(one.returncode == 1 and "no loops" in one.stderr, "ref has no peak", one)
            row = results(TINY, "--shapes", "1x8", "--isa", "ref")["results"]
            check(len(row) == 1 and row[0]["share"] is None and row[0]["peak_gflops"] is None, "and its rows have no share", row)
        else:
            check(one.returncode == 0 and len(json.loads(one.stdout)["peak"]) == 3, f"{isa} has a peak", one)


def kernels():
    facts = json.loads(trident("doctor", "--json").stdout)["checks"]
    return next(f["detail"] for f in facts if f["check"] == "kernels here").split(", ")


def check_csv(folder):
    path = folder / "rows.csv"
    first = bench(TINY, "--shapes", "1x16", "--csv", path)
    second = bench(TINY, "--shapes", "1x16,2x8", "--rounds", "2", "--csv", path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    check(first.returncode == second.returncode == 0 and len(rows) == 5, "rows are appended", (first, second, rows))
    check([(r["shape"], r["round"]) for r in rows[1:]] == [("1x16", "1"), ("2x8", "1"), ("1x16", "2"), ("2x8", "2")], "in order", rows)
    check(all(r["date"] and r["cpu"] and r["commit"] and r["model"] == "model" and None not in r.values() for r in rows)
          and all(0 < float(r["share"]) and (float(r["share"]) < MOST or r["note"] == "cores shared") for r in rows), "every column is filled", rows)
    before = path.read_text()
    other = folder / "other.csv"
    other.write_text("a,b\n1,2\n")
    run = bench(TINY, "--shapes", "1x16", "--csv", other)
    check(run.returncode == 1 and "other.csv" in run.stderr and run.stdout == "" and other.read_text() == "a,b\n1,2\n",
          "a file of other rows is left alone", run)
    check(path.read_text() == before, "and so is the first", path)


def check_corpus(folder):
    path = folder / "texts.jsonl"
    path.write_text('{"text": "one text"}\n{"title": "a title", "text": "and another one, longer"}\n{"ids": [0, 5, 6, 2]}\n')
    report = results(TINY, "--shapes", f"1x8,corpus:{path}")
    rows = report["results"]
    check(len(rows) == 2 and rows[1]["shape"] == "texts.jsonl" and rows[1]["texts"] == 3 and rows[1]["texts_per_s"] > 0
          and rows[1]["lengths"]["min"] == 4 < rows[1]["lengths"]["max"], "a corpus in one call", report)
    text = bench(TINY, "--shapes", f"corpus:{path}")
    check(text.returncode == 0 and "tokens of a text: min 4" in text.stdout, "its lengths are printed", text)
    cut = bench(TINY, "--shapes", f"corpus:{path}", "--max-length", "6")
    check(cut.returncode == 0 and "texts.jsonl were cut to 6 tokens" in cut.stderr, "and cut like anybody's", cut)


def digest(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.*")}


def check_made_models(folder):
    shape = ("--shape", "small-m3", "--layers", "1", "--vocab", "64")
    made = {}
    for dtype, extra in (("f32", ()), ("bf16", ("--outliers", "2")), ("f32", ("--seed", "2")), ("f32", ())):
        one = folder / f"made-{len(made)}"
        run = trident("bench", "--make-model", one, *shape, "--dtype", dtype, *extra)
        made[one] = digest(one)
        if run.returncode:
            check(False, "a model is made", run)
    plain, narrow, other, again = made
    check(made[plain] == made[again] and made[plain]["model.safetensors"] != made[other]["model.safetensors"],
          "the same seed, the same bytes", made)
    check(plain.joinpath("model.safetensors").stat().st_size > 1.9 * narrow.joinpath("model.safetensors").stat().st_size,
          "bf16 is half as large", narrow)
    for model in (plain, narrow):
        for precision in ("f32", "bf16"):
            rows = results(model, "--shapes", "1x16,2x8", "--precision", precision)["results"]
            check(len(rows) == 2 and all(r["gflops"] > 0 for r in rows), f"{model.name} is encoded in {precision}", rows)
    rows = results(plain, "--shapes", "mixed")["results"]
    check(len(rows) == 1 and (rows[0]["texts"], rows[0]["tokens"]) == (32, 4600)
          and rows[0]["lengths"] == {"min": 8, "p25": 16, "p50": 32, "p75": 256, "p95": 448, "max": 512}, "texts of mixed lengths", rows)
    usual = bench(plain)
    check(usual.returncode == 0 and "1x512 " in usual.stdout and "1x2048 is left out" in usual.stderr and "1x8192 " not in usual.stdout,
          "of the usual shapes those that fit", usual)
    twice = trident("bench", "--make-model", plain, *shape)
    check(twice.returncode == 1 and "there is one" in twice.stderr and digest(plain) == made[plain], "a model is not overwritten", twice)


def check_refusals(folder):
    cases = [
        ("a shape that is none", [TINY, "--shapes", "1x16,huge"], 2, "huge"),
        ("a text of one token", [TINY, "--shapes", "4x1"], 2, "4x1"),
        ("no shape", [TINY, "--shapes", ""], 2, "--shapes"),
        ("a shape that the model cannot take", [TINY, "--shapes", "1x100000"], 1, "100000"),
        ("a corpus that is not there", [TINY, "--shapes", "corpus:" + str(folder / "none")], 1, "none"),
        ("a corpus without a name", [TINY, "--shapes", "corpus:"], 2, "corpus:"),
        ("no round", [TINY, "--rounds", "0"], 2, "--rounds"),
        ("no model", [], 2, "MODEL"),
        ("a peak of a model", ["--peak", TINY], 2, "--peak"),
        ("a model to make without a shape", ["--make-model", folder / "x"], 2, "bge-m3|small-m3"),
        ("a shape of model that is none", ["--make-model", folder / "x", "--shape", "large"], 2, "large"),
        ("layers of a model that is there", [TINY, "--layers", "2"], 2, "--make-model"),
        ("too many outliers", ["--make-model", folder / "x", "--shape", "bge-m3", "--outliers", "1000"], 1, "1000"),
    ]
    for what, words, rc, text in cases:
        run = bench(*words)
        check(run.returncode == rc and text in run.stderr and run.stdout == "" and run.stderr.count("\n") == 1, what, run)
    check(not (folder / "x").exists(), "no folder is left of them", folder)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trident-bench-"))
    try:
        check_rows()
        check_operations()
        check_peak()
        check_csv(folder)
        check_corpus(folder)
        check_made_models(folder)
        check_refusals(folder)
        left = [p.name for p in folder.rglob("*.tmp.*")]
        check(not left, "nothing is left behind", left)
    finally:
        shutil.rmtree(folder)
    return plan()


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_export.py: does `trident export packed` keep its contract: the file, the words, the JSON, the exit codes, and vectors that do
not change? On a copy of the tiny model."""
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from tap import ROOT, TRIDENT, check, plan, trident


def vectors(model, texts, precision, *words):
    run = trident("encode", model, "-i", texts, "-o", "-", "--precision", precision, *words)
    return run.stdout if run.returncode == 0 else run.stderr


def check_one(folder, model, texts, precision):
    plain = vectors(model, texts, precision)
    made = trident("export", "packed", model, "--precision", precision)
    packed = model / f"trident-{precision}.packed"
    check(made.returncode == 0 and made.stdout == f"{packed}\n" and packed.is_file(), f"{precision}: the file is made and named", made)
    check(plain == vectors(model, texts, precision) and plain.startswith("{"), f"{precision}: the same vectors", plain)
    for flag in ("--private-weights", "--node-weights"):
        check(plain == vectors(model, texts, precision, flag), f"{precision}: and with {flag}", plain)
    info = json.loads(trident("info", model, "--precision", precision, "--json").stdout)
    check(info["packed_file"] == str(packed) and info["precision"] == precision and str(packed) in info["files"],
          f"{precision}: info names it", info)
    before = packed.stat()
    again = trident("export", "packed", model, "--precision", precision, "--json")
    facts = json.loads(again.stdout)
    check(again.returncode == 0 and facts["was_there"] and "nothing to do" in again.stderr and packed.stat() == before
          and facts["bytes"] == before.st_size, f"{precision}: a second time nothing is done", again)
    forced = trident("export", "packed", model, "--precision", precision, "--force", "-q", "-o", folder / "other")
    check(forced.returncode == 0 and forced.stderr == "" and (folder / "other").read_bytes() == packed.read_bytes(),
          f"{precision}: the same bytes elsewhere", forced)


def check_damage(folder, model, texts):
    packed = model / "trident-bf16.packed"
    whole = packed.read_bytes()
    good = trident("export", "packed", "--check", packed, "--json")
    facts = json.loads(good.stdout)
    check(good.returncode == 0 and facts["ok"] and facts["recipe"]["precision"] == "bf16"
          and [s["name"] for s in facts["sources"]] == ["model.safetensors", "sparse_linear.pt", "colbert_linear.pt"],
          "a whole file passes --check", good)
    packed.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    bad = trident("export", "packed", "--check", packed)
    check(bad.returncode == 1 and "is damaged" in bad.stderr and bad.stderr.count("\n") == 1, "a damaged matrix does not", bad)
    sick = trident("doctor", model, "--precision", "bf16")
    check(sick.returncode == 1 and "FAIL  packed" in sick.stdout, "doctor says so", sick)
    packed.write_bytes(whole[:-1])
    for words in (("export", "packed", "--check", packed), ("encode", model, "-i", texts, "-o", "-", "--precision", "bf16")):
        cut = trident(*words)
        check(cut.returncode == 1 and "trident-bf16.packed" in cut.stderr, f"a cut file is refused by {words[0]}", cut)
    packed.write_bytes(whole)


def check_stale(model, texts):
    weights = model / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-100000] ^= 1
    weights.write_bytes(data)
    run = trident("encode", model, "-i", texts, "-o", "-", "--precision", "bf16")
    check(run.returncode == 0 and "is ignored, it was made from other weights" in run.stderr, "other weights: ignored and said", run)
    trident("export", "packed", model, "--precision", "bf16")
    run = trident("encode", model, "-i", texts, "-o", "-", "--precision", "bf16")
    check(run.returncode == 0 and run.stderr == "", "made again: used", run)


def check_refusals(folder, model):
    cases = [
        ("int8 without texts", ["export", "packed", model, "--precision", "int8"], 1, "--calibrate"),
        ("int8 without a file", ["encode", model, "-i", os.devnull, "-o", "-", "--precision", "int8"], 1, "trident export packed"),
        ("a precision that is none", ["export", "packed", model, "--precision", "fp8"], 2, "fp8"),
        ("another form", ["export", "onnx", model], 2, "onnx"),
        ("no model", ["export", "packed"], 2, "MODEL"),
        ("no form", ["export"], 2, "packed MODEL"),
        ("a model that is not there", ["export", "packed", folder / "none"], 1, "none"),
        ("a check of what is no packed file", ["export", "packed", "--check", model / "config.json"], 1, "config.json"),
        ("a check of nothing", ["export", "packed", "--check", folder / "none"], 1, "none"),
        ("a check with a model", ["export", "packed", model, "--check", folder / "none"], 2, "--check"),
        ("a folder that is not there", ["export", "packed", model, "-o", folder / "no" / "where"], 1, "where"),
    ]
    for what, words, rc, text in cases:
        run = trident(*words)
        check(run.returncode == rc and text in run.stderr and run.stdout == "" and run.stderr.count("\n") == 1, what, run)


# ---- int8 ---------------------------------------------------------------------------------------------------------------

WORDS = "the of search model text weight layer query one two three vector number answer question and word list".split()


def write_texts(path, n, seed=1):
    draw = random.Random(seed)
    lines = [" ".join(draw.choice(WORDS) for _ in range(draw.randint(1, 40))) for _ in range(n)]
    path.write_text("".join(json.dumps({"_id": f"t{i}", "text": line}) + "\n" for i, line in enumerate(lines)))


def set_weights(path, edits):
    """edits: (end of a tensor's name, place, value)"""
    data = bytearray(path.read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    for name, place, value in edits:
        tensor = next(t for key, t in header.items() if key.endswith(name))
        struct.pack_into("<f", data, 8 + length + tensor["data_offsets"][0] + 4 * place, value)
    path.write_bytes(data)


def plant_what_cannot_be_rounded(path):
    """Two great channels that cancel in f32; their roundings do not (see tests/model/test_calibrate.c)."""
    width, middle, edits = 64, 96, []
    for j, (bias, weight) in enumerate(((50.0, 20.0), (47.3, -20 * 50 / 47.3))):
        edits += [("layer.1.intermediate.dense.weight", j * width + k, 0.0) for k in range(width)]
        edits += [("layer.1.intermediate.dense.bias", j, bias)]
        edits += [("layer.1.output.dense.weight", n * middle + j, weight if n % 3 else -weight) for n in range(width)]
    set_weights(path, edits)


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def check_int8(folder, model):
    packed, texts, few = model / "trident-int8.packed", folder / "many.jsonl", folder / "few.jsonl"
    write_texts(texts, 200)
    write_texts(few, 8)
    made = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts)
    lines = made.stdout.splitlines()
    check(made.returncode == 0 and lines[-1] == str(packed) and packed.is_file() and "on 150 texts" in lines[0]
          and sum(line.endswith("ok") for line in lines) == 4 and "seed" in made.stderr, "int8: made, with its losses", made)
    check(json.loads(trident("export", "packed", "--check", packed, "--json").stdout)["recipe"]["calibration"]["accepted"]
          == "measured", "int8: the recipe says how it came in")
    info = trident("info", model, "--precision", "int8").stdout
    check("calibrated     on 150 texts" in info and "dense cosine, mean" in info, "int8: info shows the losses", info)
    facts = json.loads(trident("info", model, "--precision", "int8", "--json").stdout)
    check([loss["name"] for loss in facts["calibration"]["losses"]][:2] == ["dense_mean", "dense_min"], "int8: and as JSON", facts)
    runs = [json.loads(vectors(model, few, precision, "-q").splitlines()[0])["dense"] for precision in ("f32", "int8")]
    check(cosine(*runs) > 0.998 and runs[0] != runs[1], "int8: near f32", runs)
    check(len({vectors(model, texts, "int8", "-q", "--threads", n) for n in (1, 2, 3)}) == 1, "int8: the same bits for any threads")
    before = packed.read_bytes()
    again = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "--json", "-q")
    check(again.returncode == 0 and json.loads(again.stdout)["within"] and packed.read_bytes() == before
          and again.stderr == "", "int8: the same texts, the same file", again)
    kept = trident("export", "packed", model, "--precision", "int8")
    check(kept.returncode == 0 and "nothing to do" in kept.stderr, "int8: kept without texts", kept)
    small = trident("export", "packed", model, "--precision", "int8", "--calibrate", few, "-o", folder / "small", "--force")
    check("few to calibrate on" in small.stderr and "say little" in small.stderr, "int8: few texts are said to be few", small)


def check_int8_forms(folder, model):
    plain, ids = folder / "lines.txt", folder / "ids.jsonl"
    plain.write_text("a line\nanother line of text\n" * 20)
    ids.write_text("".join(json.dumps({"ids": [0] + [5 + (i * j) % 390 for j in range(20)] + [2]}) + "\n" for i in range(1, 80)))
    for path in (plain, ids):
        run = trident("export", "packed", model, "--precision", "int8", "--calibrate", path, "-o", folder / "forms", "--force")
        check(run.returncode == 0, f"int8: from {path.name}", run)
    bare = folder / "bare"
    shutil.copytree(model, bare)
    (bare / "tokenizer.json").unlink()
    run = trident("export", "packed", bare, "--precision", "int8", "--calibrate", ids, "--force")
    check(run.returncode == 0 and (bare / "trident-int8.packed").is_file(), "int8: ids need no tokenizer", run)
    ids.write_text('{"ids": [0, 5, 2]}\n{"ids": [0, 400, 2]}\n{"ids": [0, 6, 2]}\n')
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", ids, "--force", "-q")
    check(run.returncode == 1 and "ids.jsonl line 2: " in run.stderr, "int8: a line that cannot be used is named", run)


def check_int8_task(folder, model):
    texts, qrels = folder / "many.jsonl", folder / "qrels.tsv"
    qrels.write_text("query-id\tcorpus-id\tscore\n" + "".join(f"t{i}\tt{i}\t1\n" for i in range(40)))
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "--queries", texts, "--corpus", texts,
                  "--qrels", qrels, "--json", "-q", "-o", folder / "task")
    facts = json.loads(run.stdout)["calibration"] if run.returncode == 0 else {}
    trident("index", model, texts, "-o", folder / "index", "--want", "dense")
    trident("search", folder / "index", texts, "-k", 100, "--mode", "dense", "-o", folder / "run.trec")
    judged = trident("eval", qrels, folder / "run.trec", "--metrics", "ndcg@10", "--json")
    value = json.loads(judged.stdout)[str(folder / "run.trec")]["metrics"]["ndcg@10"]
    check(run.returncode == 0 and facts["losses"][-1]["name"] == "ndcg10_loss_percent" and abs(facts["ndcg10_f32"] - value) < 1e-6,
          "int8: a task is measured, as index, search and eval do", f"{run}\n{judged}")
    double = folder / "double.jsonl"
    double.write_text('{"_id": "a", "text": "x"}\n' * 2)
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "--queries", texts, "--corpus", double,
                  "--qrels", qrels, "-q")
    check(run.returncode == 1 and "double.jsonl" in run.stderr, "int8: an id given twice", run)


def check_int8_bars(folder, model):
    packed, texts = model / "trident-int8.packed", folder / "many.jsonl"
    trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "-q")
    plant_what_cannot_be_rounded(model / "model.safetensors")
    stale = vectors(model, texts, "int8")
    check("other weights" in stale and "--calibrate" in stale, "int8: a file of other weights is refused, with the way out", stale)
    packed.unlink(missing_ok=True)
    before = sorted(p.name for p in model.iterdir())
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "-q")
    check(run.returncode == 1 and "missed" in run.stdout and "dense_min" in run.stderr and "bf16" in run.stderr
          and run.stderr.count("\n") == 1, "int8: a missed bar is refused, with figures and remedy", run)
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "-q", "--json")
    facts = json.loads(run.stdout)
    check(run.returncode == 1 and facts["file"] is None and not facts["within"], "int8: as JSON too", run)
    check(sorted(p.name for p in model.iterdir()) == before, "int8: nothing has changed on disk", before)
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", texts, "-q", "--force")
    check(run.returncode == 0 and packed.is_file() and "accepted by force" in run.stdout, "int8: --force accepts it", run)
    info = trident("info", model, "--precision", "int8").stdout
    check("accepted by force" in info and "missed" in info, "int8: and info goes on saying so", info)


def check_int8_stopped(folder, model):
    """A signal at some moments of the work: nothing is left, whenever it comes."""
    texts = folder / "long.jsonl"
    write_texts(texts, 512, 3)
    (model / "trident-int8.packed").unlink(missing_ok=True)
    codes = set()
    for wait in (0.02, 0.05, 0.1, 0.2):
        run = subprocess.Popen([str(TRIDENT), "export", "packed", str(model), "--precision", "int8", "--calibrate", str(texts),
                                "--threads", "1", "--force", "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        run.send_signal(signal.SIGINT)
        codes.add(run.wait())
        (model / "trident-int8.packed").unlink(missing_ok=True)
    check(codes <= {0, 130, -signal.SIGINT}, "int8: stopped or done", codes)
    left = [p.name for p in model.iterdir() if ".tmp." in p.name or ".trial." in p.name]
    check(not left, "int8: Ctrl-C leaves nothing", left)


def check_int8_usage(folder, model):
    texts = folder / "many.jsonl"
    cases = [
        ("--calibrate for bf16", ["--precision", "bf16", "--calibrate", texts], 2, "--calibrate is for"),
        ("--hold-out alone", ["--precision", "int8", "--hold-out", 3], 2, "--calibrate TEXTS"),
        ("--queries alone", ["--precision", "int8", "--calibrate", texts, "--queries", texts], 2, "go together"),
        ("all texts held out", ["--precision", "int8", "--calibrate", texts, "--hold-out", 200], 1, "held out"),
        ("no texts", ["--precision", "int8", "--calibrate", os.devnull], 1, "0 texts"),
        ("texts that are not there", ["--precision", "int8", "--calibrate", folder / "none"], 1, "none"),
    ]
    for what, words, rc, text in cases:
        run = trident("export", "packed", model, *words, "-q")
        check(run.returncode == rc and text in run.stderr and run.stdout == "" and run.stderr.count("\n") == 1, f"int8: {what}", run)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trident-export-"))
    try:
        model, texts = folder / "model", folder / "texts.jsonl"
        shutil.copytree(ROOT / "tests/golden/tiny/model", model)
        texts.write_text('{"text": "a text"}\n{"text": "another one, longer"}\n')
        for precision in ("f32", "bf16"):
            check_one(folder, model, texts, precision)
        check_damage(folder, model, texts)
        check_stale(model, texts)
        check_refusals(folder, model)
        check_int8(folder, model)
        check_int8_forms(folder, model)
        check_int8_task(folder, model)
        check_int8_usage(folder, model)
        check_int8_stopped(folder, model)
        check_int8_bars(folder, model)
        left = [p.name for p in folder.rglob("*") if ".tmp." in p.name or ".trial." in p.name]
        check(not left, "nothing is left behind", left)
    finally:
        shutil.rmtree(folder)
    return plan()


sys.exit(main())

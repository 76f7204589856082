#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_export.py: does `trident export packed` keep its contract: the file, the words, the JSON, the exit codes, and vectors that do
not change? On a copy of the tiny model."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIDENT = pathlib.Path(os.environ.get("TRI_BUILD", ROOT / "build")).resolve() / "trident"
count = failures = 0


def check(condition, what, detail=""):
    global count, failures
    count += 1
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {count} - {what}")
    if not condition:
        print("\n".join("#   " + line for line in str(detail).splitlines()[-20:]))


def trident(*words):
    return subprocess.run([str(TRIDENT), *map(str, words)], capture_output=True, text=True)


def vectors(model, texts, precision, *words):
    run = trident("encode", model, "-i", texts, "-o", "-", "--precision", precision, *words)
    return run.stdout if run.returncode == 0 else run.stderr


def check_one(folder, model, texts, precision):
    plain = vectors(model, texts, precision)
    made = trident("export", "packed", model, "--precision", precision)
    packed = model / f"trident-{precision}.packed"
    check(made.returncode == 0 and made.stdout == f"{packed}\n" and packed.is_file(), f"{precision}: the file is made and named", made)
    check(plain == vectors(model, texts, precision) and plain.startswith("{"), f"{precision}: the same vectors", plain)
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
        left = [p.name for p in folder.rglob("*.tmp.*")]
        check(not left, "nothing is left behind", left)
    finally:
        shutil.rmtree(folder)
    print(f"1..{count}")
    return failures > 0


sys.exit(main())

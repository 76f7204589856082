#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_cuda.py: the program on a card, from outside: doctor, info, encode, rerank, score, bench, and its refusals. On the emulated
card (tests/cuda), with a stand-in for nvidia-smi."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

from tap import ROOT, TRIDENT, check, plan, trident

MODEL = ROOT / "tests/golden/tiny/model"
SMI = """#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/asked"
echo "{}"
"""


def lines(run):
    return [json.loads(line) for line in run.stdout.splitlines()]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def doctor(folder, answer, *words):
    program = folder / "nvidia-smi"
    program.write_text(SMI.replace("{}", answer), encoding="utf-8")
    program.chmod(0o755)
    run = trident("doctor", "--json", *words)
    found = {line["check"]: line for line in json.loads(run.stdout)["checks"]} if run.stdout else {}
    return run, found


def check_doctor(folder):
    run, found = doctor(folder, "61, 310.5, 700.0, 1980, 1980, Not Active, Not Active, Not Active, Not Active", "--device", "cuda")
    check(run.returncode == 0 and "Emulated card, sm_90" in found["card"]["detail"] and found["card plugin"]["verdict"] == "ok"
          and found["card memory"]["detail"].startswith("16.0 of 16.0 GiB"), "doctor: card, plugin and memory", run)
    check(found["card speed"] == {"check": "card speed", "verdict": "ok", "detail": "61 C, 310.5 of 700.0 W, 1980 of 1980 MHz"},
          "doctor: a cool card", found)
    asked = (folder / "asked").read_text(encoding="utf-8")
    check("--id=0000:00:00.0 --format=csv,noheader,nounits --query-gpu=temperature.gpu,power.draw" in asked, "nvidia-smi is asked for this card",
          asked)
    run, found = doctor(folder, "93, 250, 700, 900, 1980, Active, Not Active, Not Active, Active")
    detail = found["card speed"]["detail"]
    check(found["card speed"]["verdict"] == "note" and "93 C" in detail and "fans" in detail and "nvidia-smi -pl" in detail and "cables" not in detail,
          "doctor: a hot card, and what to do", found)
    run, found = doctor(folder, "[N/A]")
    check(run.returncode == 0 and found["card speed"]["verdict"] == "note", "doctor: nvidia-smi that says nothing", run)
    run, found = doctor(folder, "", "--device", "cuda:3")
    check(run.returncode == 1 and found["card"]["verdict"] == "fail" and "there is 1" in found["card"]["detail"], "doctor: a card that is not there", run)
    os.environ["TRIDENT_CUDA_PLUGIN"] = str(ROOT / "README.md")
    run, found = doctor(folder, "", "--device", "cuda")
    check(run.returncode == 1 and "README.md" in found["card"]["detail"], "doctor: a plugin that is none", run)
    os.environ["TRIDENT_CUDA_PLUGIN"] = "none"
    run, found = doctor(folder, "")
    check(run.returncode == 0 and found["card"]["verdict"] == "note" and "cpu" in found["engine"]["detail"], "doctor: without a plugin, a note", run)


def check_info():
    run = trident("info", MODEL, "--device", "cuda", "--json", "--max-length", "64", "--batch-tokens", "512")
    card = json.loads(run.stdout)["memory"]["card"]
    check(card["total_bytes"] == card["fixed_bytes"] + card["weights_bytes"] + card["workspace_bytes"], "info: the parts add up", card)
    check(card["card_bytes"] == 16 << 30 and card["available_bytes"] == card["card_bytes"] - card["used_bytes"], "info: what is free", card)
    more = json.loads(trident("info", MODEL, "--device", "cuda", "--json", "--max-length", "64", "--batch-tokens", "1024").stdout)["memory"]["card"]
    check(more["weights_bytes"] == card["weights_bytes"] and 1.9 < more["workspace_bytes"] / card["workspace_bytes"] < 2.1,
          "info: twice the tokens, twice the workspace", more)
    text = trident("info", MODEL, "--device", "cuda").stdout
    check("card memory" in text and "cuda:0 Emulated card f16" in text, "info: as text", text)
    check('"card"' not in trident("info", MODEL, "--device", "cpu", "--json").stdout, "info: nothing of a card on the processor")


def check_encode(folder):
    source = folder / "texts.jsonl"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in ("", "what is a dense vector", "检索 模型 " * 9)), encoding="utf-8")
    want = lines(trident("encode", MODEL, "-i", source, "--device", "cpu"))
    for words, least in (((), 0.9999), (("--precision", "f32"), 0.9999999), (("--precision", "bf16", "--invariant"), 0.999)):
        run = trident("encode", MODEL, "-i", source, "--device", "cuda", *words)
        got = lines(run)
        worst = min(cosine(a["dense"], b["dense"]) for a, b in zip(got, want))
        check(run.returncode == 0 and len(got) == 3 and worst >= least, "encode on a card " + " ".join(words), (run.stderr, worst))
    run = trident("encode", MODEL, "-i", source, "--device", "auto")
    check(run.returncode == 0 and run.stderr == "", "auto takes the card in silence", run)
    run = trident("encode", MODEL, "-i", source, "--device", "cuda", "--isa", "avx2")
    check(run.returncode == 1 and "a processor's" in run.stderr, "an instruction set is refused on a card", run)
    run = trident("bench", MODEL, "--device", "cuda", "--shapes", "1x16", "--json", "--seconds", "0")
    row = json.loads(run.stdout)["results"][0]
    check(row["runs"] >= 50 and row["card_ms"] > 0 and "Emulated card" in json.loads(run.stdout)["cpu"], "bench: 50 runs, and the card's own clock", run)


def check_int8(folder):
    model = folder / "int8"
    shutil.copytree(MODEL, model)
    rows = [{"text": f"text {i} about dense vectors and {i * 7} others 检索"} for i in range(40)]
    source = folder / "calibrate.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run = trident("export", "packed", model, "--precision", "int8", "--calibrate", source, "--force")
    check((model / "trident-int8.packed").exists(), "int8 is calibrated on the processor, though a card is there", run)
    got, want = (lines(trident("encode", model, "-i", source, "--precision", "int8", "--device", d)) for d in ("cuda", "cpu"))
    worst = min((cosine(a["dense"], b["dense"]) for a, b in zip(got, want)), default=0)
    check(len(got) == 40 and worst > 0.999, "int8 on a card, from the same file", worst)


def check_rerank(folder):
    model = ROOT / "tests/golden/models/bert-ce-identity/model"
    source = folder / "pairs.jsonl"
    source.write_text(json.dumps({"query": "what is it", "passages": [{"text": "this is it"}, {"text": "nobody at all"}]}) + "\n", encoding="utf-8")
    scores = {}
    for device in ("cpu", "cuda"):
        run = trident("rerank", model, "-i", source, "--device", device)
        ranked = json.loads(run.stdout)[0]["ranked_passages"] if run.returncode == 0 else run.stderr
        scores[device] = [row["score"] for row in sorted(ranked, key=lambda row: row["id"])]
    check(isinstance(scores["cuda"], list) and len(scores["cuda"]) == 2
          and max(abs(a - b) for a, b in zip(scores["cpu"], scores["cuda"])) < 0.01, "rerank on a card", scores)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.environ["PATH"] = name + os.pathsep + os.environ["PATH"]
        for part in (check_info, lambda: check_encode(folder), lambda: check_int8(folder), lambda: check_rerank(folder), lambda: check_doctor(folder)):
            os.environ["TRIDENT_CUDA_PLUGIN"] = str(TRIDENT.parent / "libtrident_cuda_emulated.so")
            part()
    return plan()


if __name__ == "__main__":
    sys.exit(main())

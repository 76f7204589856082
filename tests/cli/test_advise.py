#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_advise.py: does `trident advise` measure this machine, estimate cards, say which is which, choose rightly, and refuse what is no
job? The arithmetic is judged in tests/lab/test_advice.c."""
import json
import os
import pathlib
import sys
import tempfile

from tap import ROOT, TRIDENT, check, plan, trident

ENCODER = ROOT / "tests/golden/models"
JOB = ("--documents", 1000000, "--tokens", 300)


def find_model(reranks):
    """A tiny model of the golden set, as its own info has it."""
    for config in sorted(ENCODER.glob("*/model/config.json")):
        info = trident("info", config.parent, "--json")
        facts = json.loads(info.stdout) if info.returncode == 0 else {}
        if facts and bool(facts.get("reranks")) == reranks:
            return config.parent
    return None


def advise(*words):
    run = trident("advise", *words, "--json")
    return json.loads(run.stdout) if run.returncode == 0 else run


def check_cards():
    facts = advise(*JOB, "--no-measure", "--deadline", "6h", "--price", "T4=4,A10=8,a100-80=12", "--bill", "second")
    devices = {d["device"]: d for d in facts["devices"]}
    check(set(devices) >= {"T4", "V100-16", "V100-32", "A10", "A100-40", "A100-80", "H100", "H200", "RTX3070"} and "here" not in devices,
          "the cards that competitors rent", sorted(devices))
    check(all(d["basis"] == "estimated" for d in devices.values()), "cards are estimates", "")
    check(all(abs(d["tokens_per_s"] * d["seconds"] - 3e8) < 1 for d in devices.values()), "speed x time is the work", "")
    priced = {name: d for name, d in devices.items() if d["price"] is not None}
    check(set(priced) == {"T4", "A10", "A100-80"} and all(abs(d["price"] - -(-d["seconds"] // 1) / 3600 * rate) < 1e-6
                                                          for d, rate in ((priced["T4"], 4), (priced["A10"], 8), (priced["A100-80"], 12))), "prices", priced)
    cheapest = min((d for d in priced.values() if d["holds"]), key=lambda d: d["price"])
    check(facts["advice"] == cheapest["device"], "the cheapest that holds", facts["advice"])
    check([b["rule"] for b in facts["batches"]] == [32, 16, 8, 8] and all(b["budget"] == 65536 // b["tokens"] for b in facts["batches"]),
          "the rule's batches and the budget's", facts["batches"])
    tight = advise(*JOB, "--no-measure", "--deadline", "10m", "--price", "T4=4,H100=30")
    check(tight["advice"] == "H100", "a tight deadline asks for a dearer card", tight["advice"])
    none = trident("advise", *JOB, "--no-measure", "--deadline", "1s")
    check(none.returncode == 0 and "none of these holds" in none.stdout and "MISSED" in none.stdout, "no card holds: it is said", none)
    half = advise(*JOB, "--no-measure", "--share", "0.7")
    check(all(abs(a["seconds"] / b["seconds"] - 2) < 1e-9 for a, b in zip(facts["devices"], half["devices"])), "--share", "")
    check(half["advice"] is None and half["devices"][0]["holds"] is None, "no deadline and no price: no choice", half["advice"])
    twice = advise(*JOB, "--no-measure", "--versions", 2)
    check(all(abs(b["seconds"] / a["seconds"] - 2) < 1e-9 for a, b in zip(facts["devices"], twice["devices"])), "--versions", "")
    text = trident("advise", *JOB, "--no-measure").stdout
    check("rule of thumb for this job: a card of 32 GB" in text and "none of them measured by us" in text and "it also fits" in text,
          "the rule of thumb beside the bytes, and what an estimate is", text)
    text = trident("advise", "--rerank-pairs", 50, "--no-measure").stdout
    check("a card of 12 GB" in text, "few pairs: the smaller rule", text)
    long = advise("--documents", 100, "--tokens", 100000, "--no-measure")
    check(long["documents"]["longest"] == 8192, "lengths are cut at the model's", long["documents"])


def check_here(folder):
    encoder, reranker = find_model(False), find_model(True)
    facts = advise("--documents", 1000, "--tokens", 20, "--queries", 10, "--model", encoder, "--rerank-pairs", 10, "--rerank-model", reranker,
                   "--pair-tokens", 20, "--deadline", "1d", "--price", "here=0")
    here = next(d for d in facts["devices"] if d["device"] == "here")
    check(here["basis"] == "measured" and here["tokens_per_s"] > 0 and here["fits"] and facts["advice"] == "here", "this machine is measured", here)
    corpus = folder / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": i, "text": "limu " * (5 if i % 2 else 11)}) + "\n" for i in range(40)))
    lengths = [len(json.loads(line)["ids"]) for line in trident("tokenize", encoder, "-i", corpus, "-q").stdout.splitlines()]
    facts = advise("--tokens", corpus, "--model", encoder, "--no-measure")["documents"]
    check(facts["texts"] == 40 and abs(facts["mean_tokens"] - sum(lengths) / 40) < 1e-9 and facts["longest"] == max(lengths),
          "lengths and number from a file", facts)
    more = advise("--tokens", corpus, "--documents", 4000, "--model", encoder, "--no-measure")["documents"]
    check(more["texts"] == 4000 and more["mean_tokens"] == facts["mean_tokens"], "--documents beside a file: its lengths, more texts", more)
    other = advise("--tokens", corpus, "--tokenizer", encoder, "--no-measure")["documents"]
    check(other["mean_tokens"] == facts["mean_tokens"] and other["model"] == "bge-m3", "--tokenizer for a model that is not here", other)
    wrong = trident("advise", "--documents", 5, "--tokens", 5, "--model", reranker)
    check(wrong.returncode == 1 and "gives no vectors" in wrong.stderr, "a reranker is no encoder", wrong)


def check_refusals(folder):
    cases = [("no job", (), 2, "no job"), ("documents without lengths", ("--documents", 5), 2, "--tokens"),
             ("a mean without documents", ("--tokens", 5), 2, "--documents"),
             ("no length", ("--documents", 5, "--tokens", 0), 2, "at least 1"), ("a share above 1", (*JOB, "--share", 2), 2, "--share"),
             ("an odd deadline", (*JOB, "--deadline", "soon"), 2, "72h"), ("an odd price", (*JOB, "--price", "T4"), 2, "CARD=RATE"),

             ("an unknown card", (*JOB, "--price", "T5=3"), 2, "known: here, RTX3070"), ("a negative rate", (*JOB, "--price", "T4=-3"), 2, "CARD=RATE"),
             ("an unknown model", (*JOB, "--model", "bge-m4"), 1, "bge-m3"),
             ("an unknown reranker", ("--rerank-pairs", 5, "--rerank-model", "bge-m3"), 1, "reranker"),
             ("a missing file", ("--tokens", folder / "none.jsonl", "--tokenizer", find_model(False)), 1, "none.jsonl"),
             ("no tokenizer", ("--tokens", folder / "none.jsonl"), 1, "--tokenizer"), ("--versions 0", (*JOB, "--versions", 0), 2, "--versions")]
    for what, words, code, say in cases:
        run = trident("advise", "--no-measure", *words)
        check(run.returncode == code and say in run.stderr and run.stderr.count("\n") == 1, f"refused: {what}", run)


def main():
    if not TRIDENT.exists():
        sys.exit(f"{TRIDENT} is not built")
    with tempfile.TemporaryDirectory(prefix="tri-advise-") as name:
        folder = pathlib.Path(name)
        os.environ["XDG_CACHE_HOME"] = name  # no pulled model
        check_cards()
        check_here(folder)
        check_refusals(folder)
    return plan()


if __name__ == "__main__":
    sys.exit(main())

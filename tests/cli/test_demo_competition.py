#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_demo_competition.py: `make demo-competition` as a user runs it: from the organisers' files to two submissions whose every item is
green, the recipe and the cache giving the same bytes again. Skipped without the two models."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from tap import ROOT, TRIDENT, check, plan, sanitized, skip, trident

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODELS = pathlib.Path(os.environ.get("TRI_MODELS") or CACHE / "trident/models")


def main():
    if not all((MODELS / name / "config.json").exists() for name in ("small-m3", "small-rerank")):
        return skip("the demonstration", "weights: small-m3 and small-rerank are not in the model cache")
    if sanitized():
        return skip("the demonstration", "a sanitizer makes it ten minutes")
    with tempfile.TemporaryDirectory() as tmp:
        folder = pathlib.Path(tmp) / "contest"
        run = subprocess.run(["sh", str(ROOT / "tools/demo_competition.sh"), str(TRIDENT), str(folder)], capture_output=True, text=True, cwd=ROOT)
        check(run.returncode == 0, "the script ends well", run.stdout + run.stderr)
        lines = run.stdout.splitlines()
        check(sum(x.startswith("green ") for x in lines) == 23 and not any(x.startswith("RED") for x in lines), "every item is green", run.stdout)
        seconds = [int(x.split()[-2]) for x in lines if x.startswith("  from raw files")]
        check(len(seconds) == 1 and seconds[0] < 600, "under ten minutes", seconds)
        ranked = json.loads((folder / "submission.json").read_text())
        pairs = [json.loads(x) for x in (ROOT / "examples/competition/pairs.jsonl").read_text().splitlines()]
        check([r["query"] for r in ranked] == [p["query"] for p in pairs]
              and all({x["id"] for x in r["ranked_passages"]} == {x["id"] for x in p["passages"]} for r, p in zip(ranked, pairs)),
              "every query and every passage is in the ranking")
        best = trident("eval", ROOT / "data/xquad-demo/qrels.tsv", folder / "blend.trec", "--no-complete", "--metrics", "ndcg@10", "--json")
        figure = next(iter(json.loads(best.stdout).values()))["metrics"]["ndcg@10"]
        check(figure > 0.97, "the blend is good on the questions that it was not chosen by, too", figure)


if __name__ == "__main__":
    main()
    sys.exit(plan())

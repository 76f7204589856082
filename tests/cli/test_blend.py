#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_blend.py: does `trident blend` choose what it says, write what `trident fuse` writes, and refuse what cannot be chosen from? The
choice's arithmetic is judged in tests/lab/test_blend.c."""
import hashlib
import json
import os
import pathlib
import random
import shlex
import sys
import tempfile

from tap import TRIDENT, check, plan, trident

QUERIES = 80


def write_runs(folder, n, seed=3, names="r{}.trec"):
    """Judgments of 80 of 90 queries, and runs that each find their own half of the relevant documents."""
    rng = random.Random(seed)
    folder.mkdir(exist_ok=True)
    paths = [folder / names.format(i) for i in range(n)]
    relevant = {q: rng.sample(range(300), 3) for q in range(QUERIES + 10)}
    (folder / "qrels").write_text("".join(f"q{q} 0 d{d} 1\n" for q in range(QUERIES) for d in relevant[q]))
    for i, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as out:
            for q in range(QUERIES + 10):
                scores = {d: rng.gauss(0, 1) for d in rng.sample(range(300), 20)}
                scores.update({d: rng.gauss(2 + 0.05 * i, 1) for d in relevant[q] if rng.random() < 0.6})
                for rank, (d, s) in enumerate(sorted(scores.items(), key=lambda x: -x[1])):
                    out.write(f"q{q} Q0 d{d} {rank + 1} {s:.3f} x\n")
    return folder / "qrels", paths


def fuse_words(text):
    """The command that blend prints."""
    return shlex.split(next(line for line in text.splitlines() if line.startswith("the same again: ")).split(": ", 1)[1])


def check_choice(folder):
    for n in (2, 4, 8):
        here = folder / f"of{n}"
        qrels, runs = write_runs(here, n)
        best = here / "best.trec"
        talk = trident("blend", *runs, "--qrels", qrels, "-o", best)
        facts = json.loads(trident("blend", *runs, "--qrels", qrels, "--json", "-q").stdout)
        words = fuse_words(talk.stdout)
        check(talk.returncode == 0 and words[:2] == ["trident", "fuse"], f"of {n} runs a fusion is taken", talk)
        again = trident(*words[1:])
        check(again.stdout == best.read_text(), f"of {n} runs: the bytes of the `trident fuse` that is printed", words)
        lines = {line.split()[0] for line in best.read_text().splitlines()}
        check(len(lines) == QUERIES + 10, f"of {n} runs: queries without judgments are fused too", len(lines))
        scored = json.loads(trident("eval", qrels, best, "--metrics", "ndcg@10", "--test", facts["best_single"], "--json", "-q").stdout)[str(best)]
        check(abs(scored["metrics"]["ndcg@10"] - facts["winner"]["score"]) < 1e-12, f"of {n} runs: its score is eval's", facts["winner"])
        same = scored["tests"]["ndcg@10"]
        check(all(abs(same[k] - facts["test"][k]) < 1e-9 for k in ("diff", "effect", "p_t", "p_rand", "n")), f"of {n} runs: its tests are eval's",
              (same, facts["test"]))
        check(facts["search"] == ("exhaustive" if n <= 6 else "greedy"), f"of {n} runs: the search is named", facts["search"])
        singles = json.loads(trident("eval", qrels, *runs, "--metrics", "ndcg@10", "--json", "-q").stdout)
        check(all(abs(singles[r]["metrics"]["ndcg@10"] - facts["runs"][r]) < 1e-12 for r in map(str, runs)), "every single run is scored", facts["runs"])
        folds = facts["folds"]
        whole = sum(f["score"] * f["queries"] for f in folds) / QUERIES
        check(len(folds) == 5 and sum(f["queries"] for f in folds) == QUERIES and abs(whole - facts["out_of_fold"]) < 1e-12,
              "the folds together are the score out of fold", facts["out_of_fold"])
        check(facts["out_of_fold_test"]["p_rand"] < 0.01 and "the gain is proven" in talk.stdout, "a gain that is there is proven", talk.stdout)
        check(facts["highest"]["score"] >= facts["winner"]["score"], "the highest is no lower than what is taken", facts["highest"])
        high = json.loads(trident("blend", *runs, "--qrels", qrels, "--json", "-q", "--pick", "highest").stdout)
        check(high["winner"] == facts["highest"], "--pick highest takes it", high["winner"])
        few = json.loads(trident("blend", *runs, "--qrels", qrels, "--json", "-q", "--max", "2", "--metric", "map", "--folds", "8").stdout)
        check(len(few["winner"]["members"]) <= 2 and few["metric"] == "map" and len(few["folds"]) == 8, "--max, --metric and --folds are taken", few)


def check_order(folder):
    """The same judgments and queries in another order: the same choice, the same folds."""
    qrels, runs = write_runs(folder, 3)
    before = json.loads(trident("blend", *runs, "--qrels", qrels, "--json", "-q").stdout)
    for path in (qrels, *runs):
        lines = path.read_text().splitlines(keepends=True)
        random.Random(9).shuffle(lines)
        path.write_text("".join(lines))
    after = json.loads(trident("blend", *runs, "--qrels", qrels, "--json", "-q").stdout)
    check(before["winner"]["members"] == after["winner"]["members"] and abs(before["out_of_fold"] - after["out_of_fold"]) < 1e-12,
          "shuffled files give the same choice", (before["winner"], after["winner"]))


def check_noise(folder):
    """A copy of a run adds nothing, and the run alone is taken."""
    qrels, runs = write_runs(folder, 1)
    copy = folder / "copy.trec"
    copy.write_bytes(runs[0].read_bytes())
    best = folder / "best.trec"
    talk = trident("blend", runs[0], copy, "--qrels", qrels, "-o", best, "--recipe", folder / "best.yaml")
    check(talk.returncode == 0 and "no fusion is better" in talk.stdout, "a run beside its copy: the single run is taken", talk)
    here, there = (json.loads(trident("eval", qrels, path, "--json", "-q").stdout)[str(path)] for path in (best, runs[0]))
    check(here["metrics"] == there["metrics"] and best.read_bytes() == runs[0].read_bytes(), "and written as it is", (here, there))
    check('"best": {"run": ' in (folder / "best.yaml").read_text(), "its plan has that version alone", (folder / "best.yaml").read_text())


def check_plan(folder):
    qrels, runs = write_runs(folder, 3, names="exp.run/v{}/run.trec")
    config = {"model": "small \"m3\"", "heads": "dense", "top": 100, "devices": ["cpu"], "data": {"corpus": "c: #x.jsonl", "queries": "q.jsonl"}}
    (runs[0].parent / "config.json").write_text(json.dumps(config))
    (runs[1].parent / "config.json").write_text(json.dumps({**config, "heads": "multi", "data": {"corpus": "other.jsonl"}}))
    talk = trident("blend", *runs, "--qrels", qrels, "--recipe", folder / "best.yaml", "--pick", "highest", "-o", folder / "best.trec")
    text = (folder / "best.yaml").read_text()
    rows = {key.strip().strip('"'): json.loads(value) for key, value in
            (line.split(": ", 1) for line in text.splitlines() if not line.startswith("#") and not line.endswith(":"))}
    check(talk.returncode == 0 and rows["name"] == "best" and len(rows["best"]["blend"]) >= 2, "a plan is written", text)
    check(rows.get("v0") == {"model": "small \"m3\"", "heads": "dense", "top": 100} and rows["data"] == config["data"],
          "a version with its config.json is written with its settings and data", text)
    check(all(set(rows[name]) == {"run", "sha256"} for name in ("v1", "v2") if name in rows), "other data or no config: written as a file", text)
    for name, path in (("v1", runs[1]), ("v2", runs[2])):
        if name in rows:
            check(rows[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and pathlib.Path(rows[name]["run"]).samefile(path),
                  f"{name}: the file and its SHA-256", rows[name])
    blend, members = rows["best"], []
    for name in blend["blend"]:
        members.append(runs[int(name[1])])
    words = ["fuse", *members, "--method", blend["method"]] + (["--norm", blend["norm"]] if "norm" in blend else [])
    words += ["--rrf-k", blend["rrf_k"]] if "rrf_k" in blend else []
    words += ["--weights", ",".join(f"{w:g}" for w in blend["weights"])] if "weights" in blend else []
    check(trident(*words).stdout == (folder / "best.trec").read_text(), "the plan's fusion is the run, byte for byte", words)


def check_recipe_runs(folder):
    """`trident run` of the recipe ends with the bytes of -o."""
    for what, n, words in (("a fusion", 4, ("--pick", "highest")), ("a run alone", 2, ("--max", 1))):
        here = folder / f"of{n}"
        qrels, runs = write_runs(here, n)
        best, recipe = here / "best.trec", here / "best.yaml"
        trident("blend", *runs, "--qrels", qrels, "-o", best, "--recipe", recipe, *words)
        run = trident("run", recipe, "--out", here / "out")
        again = here / "out/best/run.trec"
        check(run.returncode == 0 and again.exists() and again.read_bytes() == best.read_bytes(), f"{what}: trident run ends with the same bytes", run)
        runs[0].write_text(runs[0].read_text().replace("0.", "1.", 1))
        used = "r0" in recipe.read_text()
        changed = trident("run", recipe, "--out", here / "other")
        check(not used or changed.returncode == 1, f"{what}: a member that changed since is refused by its SHA-256", changed)


def check_names(folder):
    """Names in any script and with spaces: shown as they are, printed so that a shell takes them back, and as a plan can have them."""
    qrels, plain = write_runs(folder, 2)
    for names in (("稠密 检索.trec", "it's $HOME.trec"), ("index-1.trec", ".hidden.trec"), ("run.json.trec", "n" * 150 + ".trec")):
        runs = [path.rename(folder / name) for path, name in zip(plain, names)]
        best, recipe = folder / "best.trec", folder / "配方 1.yaml"
        talk = trident("blend", *runs, "--qrels", qrels, "--pick", "highest", "-o", best, "--recipe", recipe)
        check(f"{runs[0].stem} alone" in talk.stdout, f"{names[0]}: shown as it is", talk)
        again = trident(*fuse_words(talk.stdout)[1:])
        check(again.returncode == 0 and again.stdout == best.read_text(), f"{names[0]}: the command that is printed works in a shell", again)
        run = trident("run", recipe)
        made = folder / "配方 1.run/best/run.trec"
        check(run.returncode == 0 and made.read_bytes() == best.read_bytes(), f"{names[0]}: the plan takes it, and is called as its file", run)
        plain = [path.rename(folder / f"r{i}.trec") for i, path in enumerate(runs)]


def check_changed(folder):
    """A run that is no longer what its folder's settings made is named as a file; a blend's run folder tells the data too."""
    qrels, runs = write_runs(folder, 2, names="exp.run/v{}/run.trec")
    data = {"corpus": "c.jsonl", "queries": "q.jsonl", "sample": "s.csv"}
    for i, path in enumerate(runs):
        (path.parent / "config.json").write_text(json.dumps({**({"blend": ["a", "b"]} if i else {"model": "m"}), "data": data}))
        (path.parent / "manifest.sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  run.trec\n")
    words = ("blend", *runs, "--qrels", qrels, "--pick", "highest", "--recipe", folder / "best.yaml")
    trident(*words)
    text = (folder / "best.yaml").read_text()
    check('"v0": {"model": "m"}' in text and '"v1": {"run": ' in text and '"sample": "s.csv"' in text, "a search as it was made, a blend as its file", text)
    with open(runs[0], "a") as out:
        out.write("q0 Q0 extra 99 -9 t\n")
    talk = trident(*words)
    text = (folder / "best.yaml").read_text()
    check('"v0": {"run": ' in text and "is not what `trident run` made" in talk.stderr and '"sample": "s.csv"' in text, "changed since: as its file", text)


def check_outputs(folder):
    """Nothing that was read is written over."""
    qrels, runs = write_runs(folder, 2)
    link = folder / "link.trec"
    link.symlink_to(runs[0])
    before = [path.read_bytes() for path in (qrels, *runs)]
    for what, words in (("a run", ("-o", runs[1])), ("a run's link", ("-o", link)), ("judgments", ("-o", qrels)),
                        ("a run by the recipe", ("--recipe", runs[0])), ("each other", ("-o", folder / "x", "--recipe", folder / "x"))):
        run = trident("blend", *runs, "--qrels", qrels, *words)
        check(run.returncode == 2 and run.stderr.count("\n") == 1, f"not written over: {what}", run)
    run = trident("blend", runs[0], link, "--qrels", qrels)
    check(run.returncode == 2 and "named twice" in run.stderr, "a run and a link to it are one run", run)
    check(before == [path.read_bytes() for path in (qrels, *runs)] and not (folder / "x").exists(), "all is as it was", "")


def check_refusals(folder):
    qrels, runs = write_runs(folder, 2)
    cases = [("no judgments", (*runs,), 2, "--qrels"), ("one run", (runs[0], "--qrels", qrels), 2, "trident blend"),
             ("a run twice", (runs[0], runs[0], "--qrels", qrels), 2, "named twice"), ("--folds 1", (*runs, "--qrels", qrels, "--folds", 1), 2, "at least 2"),
             ("--max 0", (*runs, "--qrels", qrels, "--max", 0), 2, "--max"), ("-o -", (*runs, "--qrels", qrels, "-o", "-"), 2, "standard output"),
             ("more folds than queries", (*runs, "--qrels", qrels, "--folds", 81), 1, "--folds 80"),
             ("an unknown metric", (*runs, "--qrels", qrels, "--metric", "ndgc"), 1, "ndgc"),
             ("a metric that is no mean", (*runs, "--qrels", qrels, "--metric", "num_rel_ret"), 1, "no mean"),
             ("a missing file", (runs[0], folder / "none", "--qrels", qrels), 1, "none")]
    for what, words, code, say in cases:
        run = trident("blend", "-q", *words)
        check(run.returncode == code and say in run.stderr and (run.stderr.count("\n") == 1 or what == "one run"), f"refused: {what}", run)
    other = folder / "other.trec"
    other.write_text("x1 Q0 d1 1 0.5 t\n")
    run = trident("blend", runs[0], other, "--qrels", qrels, "-o", folder / "never.trec")
    check(run.returncode == 1 and "other.trec" in run.stderr and "none of its 1 queries" in run.stderr and not (folder / "never.trec").exists(),
          "refused: a run without a judged query", run)
    stranger = folder / "strange.qrels"
    stranger.write_text("y1 0 d1 1\ny2 0 d1 1\n")
    run = trident("blend", *runs, "--qrels", stranger, "--folds", 2)
    check(run.returncode == 1 and "are run and judgments of the same queries" in run.stderr, "refused: judgments of other queries", run)
    half = folder / "half.trec"
    half.write_text("".join(line for line in runs[1].read_text().splitlines(keepends=True) if int(line.split()[0][1:]) < 40))
    run = trident("blend", runs[0], half, "--qrels", qrels)
    check(run.returncode == 0 and "lacks 40 of the 80 judged queries" in run.stderr, "a run of half the queries counts as zero there, and it is said", run)
    few = folder / "few.qrels"
    few.write_text("q0 0 d1 1\nq1 0 d2 1\nzz 0 d1 1\n")
    run = trident("blend", *runs, "--qrels", few, "--folds", 3)
    check(run.returncode == 0 and "1 of them in no run" in run.stdout, "a judged query that no run has counts as 0, and it is said", run)


def main():
    if not TRIDENT.exists():
        sys.exit(f"{TRIDENT} is not built")
    with tempfile.TemporaryDirectory(prefix="tri-blend-") as name:
        os.environ["TRIDENT_LEDGER"] = f"{name}/ledger.db"
        for part in (check_choice, check_order, check_noise, check_plan, check_recipe_runs, check_names, check_changed, check_outputs, check_refusals):
            folder = pathlib.Path(name) / part.__name__
            folder.mkdir()
            part(folder)
    return plan()


if __name__ == "__main__":
    sys.exit(main())

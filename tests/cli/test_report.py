#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_report.py: is the page of `trident report` whole, well formed, silent towards the network, and deaf to markup in queries, names and
errors? And are its figures those of `trident eval`?"""
import hashlib
import html.parser
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

from tap import TRIDENT, check, plan, trident

VOID = {"meta", "br", "hr", "img", "input", "link", "rect"}
EVIL = '<script>alert("1")</script><img src=http://x.test/ onerror=alert(1)>\' & </td></table> \u202eright to left'


class Page(html.parser.HTMLParser):
    """Every element closed by its own end, and what a test wants to know of them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.tags, self.links, self.rows, self.words = [], [], [], [], [], []
        self.in_script = False
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"left open: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"{tag}: an attribute twice")
        self.links += [(tag, name, value) for name, value in attrs if name in ("src", "href", "srcset", "data", "action", "poster") or name.startswith("on")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> inside {self.open[-3:]} at {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.words.append(data)
        if self.rows and {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def check_page(path, what):
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    check(not page.faults and text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n"), f"{what}: every element is closed by its own end",
          "\n".join(page.faults[:5]))
    outside = re.sub(r"&[a-z#0-9]+;", "", text)
    tags = re.findall(r"<[^>]*>", outside)
    check(not page.links and not any(re.search(r"https?:|//|url\(|@import", tag) for tag in tags)
          and not re.search(r"url\(|@import|https?:", "".join(re.findall(r"<style>.*?</style>|<script>.*?</script>", text, re.S))),
          f"{what}: nothing that a browser would fetch or run", page.links[:5])
    check(page.tags.count("script") == 1 and page.tags.count("style") == 1 and "img" not in page.tags, f"{what}: one script, one style, no image",
          sorted(set(page.tags)))
    return page


def write_data(folder, prefix="", n=60):
    rng = random.Random(4)
    folder.mkdir(parents=True, exist_ok=True)
    languages = ["en", "zh", "ar"]
    ids = [(f"{languages[q % 3]}:" if prefix else "") + f"q{q}" for q in range(n)]
    texts = [("which way", "哪条路", "أي طريق")[q % 3] for q in range(n)]
    texts[0], texts[3] = EVIL, "x" * 5000
    relevant = {q: rng.sample(range(100), 2) for q in ids}
    (folder / "qrels").write_text("".join(f"{q} 0 d{d} 1\n" for q in ids for d in relevant[q]))
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": q, "text": t}) + "\n" for q, t in zip(ids, texts)))
    (folder / "queries.tsv").write_text("".join(f"{q}\t{t}\n" for q, t in zip(ids, texts)))
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"_id": f"d{i}", "text": "x"}) + "\n" for i in range(100)))

    def run(path, strength):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as out:
            for q in ids:
                scores = {d: rng.gauss(0, 1) for d in rng.sample(range(100), 10)}
                scores.update({d: rng.gauss(strength, 1) for d in relevant[q] if rng.random() < 0.7})
                out.writelines(f"{q} Q0 d{d} 1 {s:.4f} t\n" for d, s in scores.items())
        return path
    return run


def check_files(folder):
    run = write_data(folder)
    a, b = run(folder / "a.trec", 1.5), run(folder / "b.trec", 2)
    evil = run(folder / "<b>&evil\".trec", 0.5)
    fused = folder / "fused.trec"
    trident("fuse", a, b, "-o", fused)
    out = folder / "report.html"
    words = ("report", a, b, evil, fused, "--fused", fused, "--qrels", folder / "qrels", "--title", EVIL)
    got = trident(*words, "--queries", folder / "queries.jsonl", "--corpus", folder / "corpus.jsonl", "-o", out)
    check(got.returncode == 0 and got.stdout == "", "a page is written", got)
    page = check_page(out, "run files")
    words_seen = " ".join(page.words)
    check(EVIL in "".join(page.words), "a hostile query or title is shown as it is, as text", words_seen[:300])
    facts = json.loads(trident("eval", folder / "qrels", a, b, fused, "--metrics", "ndcg@10,recall@100,mrr@10,map", "--test", b, "--json", "-q").stdout)
    rows = {row[0]: row for row in reversed(page.rows) if row}
    for path, name in ((a, "a"), (fused, "fused")):
        want = [f"{v:.4f}" for v in facts[str(path)]["metrics"].values()]
        check([cell.split()[0] for cell in rows[name][1:5]] == want, f"{name}: the figures are eval's", rows[name])
        test = facts[str(path)]["tests"]["ndcg@10"]
        check(rows[name][5] == f"{test['diff']:+.4f}" and abs(float(rows[name][6]) - test["p_t"]) <= 0.006 * test["p_t"], f"{name}: its test is eval's",
              (rows[name], test))
    check("the best single run" in rows["b"][-1] and "rrf of all" in rows, "the best single run is told, and plain RRF stands beside", rows["b"])
    check(all(f"{script} 20 queries" in "".join(page.words) for script in ("Han", "Arabic")) and "from the letters" in words_seen,
          "languages by script", words_seen[:900])
    check("x" * 160 + "\u2026" in words_seen or "x" * 200 not in words_seen, "a long query is cut", "")
    digest = hashlib.sha256(a.read_bytes()).hexdigest()
    check(any(digest[:12] in cell for row in page.rows for cell in row) and "100" in rows["documents"], "hashes and documents", rows.get("documents"))
    check("Time and money" in words_seen and "run files carry no times" in words_seen, "what is not known is said", "")
    tsv = trident(*words, "--queries", folder / "queries.tsv", "-o", "-")
    check(tsv.returncode == 0 and "Han <small>20 queries" in tsv.stdout, "texts from .tsv; -o - is standard output", tsv.stderr)
    bare = trident("report", a, "-o", folder / "bare.html")
    page = check_page(folder / "bare.html", "one run, no judgments")
    check(bare.returncode == 0 and "no judgments" in bare.stderr and "Score distributions" in " ".join(page.words), "without judgments: the rest", bare)
    trident("report", a, "-o", folder / "one.html", "--qrels", folder / "qrels")
    page = check_page(folder / "one.html", "one run")
    check("nothing to fuse" in " ".join(page.words), "one run: nothing to fuse", "")


def write_run_folder(folder):
    run = write_data(folder / "data", prefix="yes")
    home = folder / "exp.run"
    data = {name: str(folder / "data" / file) for name, file in (("corpus", "corpus.jsonl"), ("queries", "queries.jsonl"), ("qrels", "qrels"))}
    for i, name in enumerate(("v1", "v2", "v10")):
        run(home / name / "run.trec", 1 + 0.5 * i)
        (home / name / "config.json").write_text(json.dumps({"model": "small-m3", "data": data}))
        (home / name / "status.json").write_text(json.dumps(
            {"name": name, "state": "done", "device": "cpu", "started": 1000 + i, "ended": 1100 + i, "seconds": 3725.0 + i, "money": 1.25, "attempts": 1,
             "error": None, "submission": "submission.csv"}))
    best = home / "best"
    best.mkdir()
    trident("fuse", home / "v1/run.trec", home / "v2/run.trec", "-o", best / "run.trec")
    (best / "config.json").write_text(json.dumps({"blend": ["v1", "v2"], "method": "rrf"}))
    (best / "status.json").write_text(json.dumps({"name": "best", "state": "done", "seconds": 0.4, "money": 0}))
    failed = home / "v3"
    failed.mkdir()
    (failed / "status.json").write_text(json.dumps({"name": "v3", "state": "failed", "error": "no such model " + EVIL, "seconds": 2}))
    (home / "run.json").write_text(json.dumps({"name": "exp " + EVIL, "plan_hash": "abc123", "data_hash": "def456", "price_per_hour": 12, "bill": "minute"}))
    (home / "index-1234").mkdir()
    (home / "index-1234.job").mkdir()
    (home / "index-1234.job/status.json").write_text(json.dumps({"name": "index", "state": "done", "seconds": 10, "money": 0.5}))
    return home


def check_folder(folder):
    home = write_run_folder(folder)
    out = folder / "report.html"
    got = trident("report", home, "-o", out)
    check(got.returncode == 0, "a run folder brings its judgments and queries", got)
    page = check_page(out, "run folder")
    words = " ".join(page.words)
    first = [row[0] for row in page.rows if row]
    check([first.index(v) for v in ("v1", "v2", "v10")] == sorted(first.index(v) for v in ("v1", "v2", "v10")), "v2 before v10", first)
    check("en 20 queries" in "".join(page.words) and "prefix of the query id" in words, "languages by the ids' prefix", words[:900])
    costs = [row for row in page.rows if row and row[0] in ("v1", "v3", "all") and len(row) == 8]
    check([row[4] for row in costs if row[0] == "v1" and row[1] == "done"] == ["1 h 02 min"] and [row[5] for row in costs if row[0] == "all"] == ["4.25"],
          "time and money", costs)
    check(any(row[0] == "v3" and EVIL.split()[0] in row[1] for row in costs), "a failed version is told with its error", costs)
    check("5 versions" in words and any(row[0].startswith("index-1234") for row in page.rows if len(row) == 8),
          "a shared index costs, and is no version", words[:200])
    check("abc123" in words and "def456" in words, "the plan's and the data's hash", "")
    check("From the first start to the last end" in words, "wall time beside serial time", "")
    one = trident("report", home / "v1", home / "v2" / "run.trec", "-o", out)
    check(one.returncode == 0, "a version's folder and a run file together", one)


def check_members(folder):
    """Versions with every character that a plan takes, in two folders with the same names: each fusion beside its own members."""
    run = write_data(folder / "data")
    for home, strength in (("one", 1), ("two", 3)):
        for name in ("v@1", "d+s"):
            run(folder / home / name / "run.trec", strength)
            (folder / home / name / "status.json").write_text('{"state": "done", "money": 0.0125, "seconds": 3}')
        mix = folder / home / "v@1+d+s"
        mix.mkdir()
        trident("fuse", folder / home / "v@1/run.trec", folder / home / "d+s/run.trec", "-o", mix / "run.trec")
        (mix / "config.json").write_text(json.dumps({"blend": ["v@1", "d+s"]}))
        (mix / "status.json").write_text("{}")
    qrels, out = folder / "data/qrels", folder / "r.html"
    score = {}
    for home in ("one", "two"):
        for name in ("v@1", "d+s", "v@1+d+s"):
            path = folder / home / name / "run.trec"
            score[home, name] = json.loads(trident("eval", qrels, path, "--metrics", "ndcg@10", "--json", "-q").stdout)[str(path)]["metrics"]["ndcg@10"]
    for what, words in (("folders", (folder / "one", folder / "two")), ("run files", sorted(folder.glob("*/*/run.trec")))):
        got = trident("report", *words, "--qrels", qrels, "-o", out)
        page = check_page(out, what)
        text = "".join(page.words)
        fusing = text[text.index("What fusing gains"):text.index("Wins and losses")]
        check(got.returncode == 0 and "v@1+d+s" in text and "have no scores" not in text, f"{what}: names as they are", text[:300])
        for home in ("one", "two"):
            gain = score[home, "v@1+d+s"] - max(score[home, "v@1"], score[home, "d+s"])
            check(f"{score[home, 'v@1+d+s']:.4f} {gain:+.4f}" in fusing, f"{what}: the gain over its own members", fusing)
    (folder / "one/sessions.json").write_text('{"spent": 0.2}')
    got = trident("report", folder / "one", "--qrels", qrels, "-o", out)
    text = "".join(check_page(out, "billed").words)
    check("Billed: 0.20" in text and "0.0125" in text and "0.20money billed" in text, "what was billed beside what versions took", text)
    (folder / "one/v@1/run.trec").write_text("")
    got = trident("report", folder / "one", "--qrels", qrels, "-o", out)
    text = "".join(check_page(out, "a broken run").words)
    check(got.returncode == 0 and "no lines in it" in got.stderr and "done: could not read run" in text and "1 of its 2 members" in text,
          "a broken run of one version hides no other", got)
    (folder / "data/queries.txt").write_text("some text\nother text\n")
    (folder / "one/d+s/config.json").write_text(json.dumps({"data": {"queries": str(folder / "data/queries.txt")}}))
    got = trident("report", folder / "one", "--qrels", qrels, "-o", out)
    check(got.returncode == 0, "queries of a run folder that are a text a line", got)
    before = qrels.read_bytes()
    for path in (qrels, folder / "two/d+s/run.trec"):
        got = trident("report", folder / "two", "--qrels", qrels, "-o", path)
        check(got.returncode == 2 and "cannot be written over" in got.stderr, "the page is not written over what it tells of", got)
    check(qrels.read_bytes() == before, "and that is as it was", "")


def check_ledger(folder):
    run = write_data(folder)
    a = run(folder / "a.trec", 1)
    got = trident("report", a, "-o", folder / "r.html", "--ledger", folder / "none.db")
    check(got.returncode == 0 and "carry no times" in (folder / "r.html").read_text(), "a ledger that is not there has no rows", got)


def check_refusals(folder):
    run = write_data(folder)
    a = run(folder / "a.trec", 1)
    (folder / "empty").mkdir()
    (folder / "bad.run/v1").mkdir(parents=True)
    (folder / "bad.run/v1/status.json").write_text("{")
    (folder / "strange.qrels").write_text("y1 0 d1 1\n")
    cases = [("no -o", (a,), 2, "-o report.html"), ("twice", (a, a, "-o", "x"), 2, "named twice"), ("a missing file", (folder / "none", "-o", "x"), 1, "none"),
             ("an empty folder", (folder / "empty", "-o", "x"), 1, "neither a run nor folders"),
             ("broken status.json", (folder / "bad.run", "-o", "x"), 1, "status.json"),
             ("other judgments", (a, "--qrels", folder / "strange.qrels", "-o", "x"), 1, "same queries"),
             ("an unknown metric", (a, "--qrels", folder / "qrels", "--metrics", "ndgc", "-o", "x"), 1, "ndgc"),
             ("--fused of another", (a, "--qrels", folder / "qrels", "--fused", "z", "-o", "x"), 2, "none of the runs"),
             ("queries without tabs", (a, "--qrels", folder / "qrels", "--queries", folder / "no.tsv", "-o", "x"), 1, "no tab")]
    (folder / "no.tsv").write_text("words\n")
    for what, words, code, say in cases:
        got = subprocess.run([str(TRIDENT), "report", "-q", *map(str, words)], capture_output=True, text=True, cwd=folder)
        check(got.returncode == code and say in got.stderr and got.stderr.count("\n") == 1 and not (folder / "x").exists(), f"refused: {what}", got)


def main():
    if not TRIDENT.exists():
        sys.exit(f"{TRIDENT} is not built")
    with tempfile.TemporaryDirectory(prefix="tri-report-") as name:
        for part in (check_files, check_folder, check_members, check_ledger, check_refusals):
            folder = pathlib.Path(name) / part.__name__
            folder.mkdir()
            part(folder)
    return plan()


if __name__ == "__main__":
    sys.exit(main())

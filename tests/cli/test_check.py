#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_check.py: do `trident check` and `trident submit-format` keep their contract? What submit-format writes in each of many shapes is
read back here by Python's own parsers and passes check; each of a list of faults turns its item red and no other; a sample that
contradicts itself is refused with its line; --force writes the ledger; a run folder proves what it should and no more."""
import csv
import hashlib
import io
import json
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from submission_shapes import DOCS, NUMBERED, NUMBERED_DOCS, NUMBERED_QUERIES, QUERIES, SHAPES
from tap import TRIDENT, check, plan, sanitized, trident

DEPTH = 10


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def make_set(folder, queries, docs, seed=3):
    """Queries, corpus and a run of DEPTH documents a query; the run as {query: [(doc, score)]}."""
    rng = random.Random(seed)
    write_jsonl(folder / "queries.jsonl", [{"_id": i, "text": t} for i, t in queries])
    write_jsonl(folder / "corpus.jsonl", [{"_id": d, "text": "text " + d} for d in docs])
    run = {q: [(d, round(0.9375 - r * 0.0625, 4)) for r, d in enumerate(rng.sample(docs, DEPTH))] for q, _ in queries}
    lines = [f"{q} Q0 {d} {r + 1} {s} t\n" for q, found in run.items() for r, (d, s) in enumerate(found)]
    (folder / "run.trec").write_text("".join(lines))
    return run


def known(folder):
    return ["--queries", folder / "queries.jsonl", "--corpus", folder / "corpus.jsonl"]


def judge(folder, out, sample, *words):
    """(exit status, names of the red items, the answer)"""
    run = trident("check", out, "--sample", sample, "--json", *words)
    answer = json.loads(run.stdout) if run.stdout else {"items": [], "ok": None, "stderr": run.stderr}
    return run.returncode, [item["name"] for item in answer["items"] if not item["ok"]], answer


# ---- reading back without this program ------------------------------------------------------------------------------------

def ids_of_json(value, found):
    """Every string or number that stands for a document, in order, wherever it lies."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in found["docs"]:
                found["seen"].append(key)
            elif key not in ("score", "scores", "rank", "text", "version", "query", "qid", "query_id"):
                ids_of_json(inner, found)
    elif isinstance(value, list):
        for inner in value:
            ids_of_json(inner, found)
    elif isinstance(value, str):
        found["seen"] += [w for w in value.replace(",", " ").split() if w in found["docs"]]
    elif isinstance(value, int) and not isinstance(value, bool) and str(value) in found["docs"]:
        found["seen"].append(str(value))


def ids_of_file(path, suffix, text, docs):
    found = {"docs": set(docs), "seen": []}
    if suffix == "json":
        ids_of_json(json.loads(text.lstrip("\ufeff")), found)
    elif suffix == "jsonl":
        for line in text.splitlines():
            ids_of_json(json.loads(line), found)
    else:
        separator = "\t" if suffix in ("tsv", "txt") else ";" if ";" in text.split("\n")[0] else " " if suffix == "trec" else ","
        for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator):
            for cell in row:
                for mark in "[]'\"|;":
                    cell = cell.replace(mark, " ")
                cell = cell.replace(", ", " ").replace(",", " ") if not cell.replace(",", "").isdigit() or separator == "," else cell
                found["seen"] += [w for w in cell.split() if w in found["docs"]]
    return found["seen"]


def check_shapes(folder):
    for shapes, queries, docs in ((SHAPES, QUERIES, DOCS), (NUMBERED, NUMBERED_QUERIES, NUMBERED_DOCS)):
        run = make_set(folder, queries, docs)
        for name, suffix, text in shapes:
            sample, out = folder / f"sample.{suffix}", folder / f"out.{suffix}"
            sample.write_bytes(text.encode())
            out.unlink(missing_ok=True)
            wrote = trident("submit-format", folder / "run.trec", "--sample", sample, "-o", out, *known(folder))
            code, red, answer = judge(folder, out, sample, *known(folder))
            check(wrote.returncode == 0 and code == 0 and answer["ok"] is True and red == [], f"{name}: what is written passes", (wrote.stderr, answer))
            if wrote.returncode:
                continue
            raw = out.read_bytes()
            written = raw.decode()
            check(raw.startswith(b"\xef\xbb\xbf") == text.startswith("\ufeff") and (b"\r\n" in raw) == ("\r\n" in text)
                  and raw.endswith(b"\n") == text.endswith("\n"), f"{name}: BOM and line ends as in the sample", raw[:80])
            if suffix in ("csv", "tsv") and any(c.isalpha() for c in text.split("\n")[0]) and not text.startswith("q1"):
                check(written.split("\n")[0] == text.split("\n")[0], f"{name}: the same header, to the byte", written[:80])
            seen = ids_of_file(out, suffix, written, docs)
            depth = len(seen) // len(queries)
            best = [d for q, _ in queries for d, _ in run[q][:depth]]
            if not name.startswith(("MS MARCO, numbered", "numbers, no", "numbers in CSV")) and "TREC" not in name and name != "whole numbers":
                check(depth > 0 and seen == best, f"{name}: the best documents of each query, in their order", (seen[:12], best[:12]))
            again = folder / f"again.{suffix}"
            twice = trident("submit-format", out, "--sample", sample, "-o", again, *known(folder))
            has_order = "rank" in text or "score" in text or "sim" in text
            check(twice.returncode == 0 or "has none" in twice.stderr or not has_order, f"{name}: it is a run itself", twice.stderr)
            if twice.returncode == 0 and name not in ("percent", "distances", "decimal comma"):
                check(again.read_bytes() == raw, f"{name}: written again from itself, the same bytes", again.read_bytes()[:300])


# ---- faults ---------------------------------------------------------------------------------------------------------------

def fault_pairs(folder):
    """A CSV of pairs with ranks; every fault in one place."""
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "sample.csv"
    sample.write_text("query_id,doc_id,rank,score\n" + "".join(f"{q},{d},{r + 1},{s}\n" for q, _ in QUERIES for r, (d, s) in enumerate(
        [("d1", 0.9), ("d2", 0.8), ("d3", 0.7), ("d4", 0.6), ("d5", 0.5)])))
    good = "query_id,doc_id,rank,score\n" + "".join(f"{q},{d},{r + 1},{s}\n" for q in run for r, (d, s) in enumerate(run[q][:5]))
    lines = good.split("\n")
    d = [line.split(",")[1] for line in lines[1:6]]  # the first query's documents
    spare = next(x for x in DOCS if x not in d)

    def at(number, text):
        return "\n".join(lines[:number] + ([text] if text is not None else []) + lines[number + 1:])

    def sub(number, old, new):
        return at(number, lines[number].replace(old, new, 1))

    faults = [
        ("nothing wrong", good, []),
        ("GB18030", good.replace("q1,", "问,").encode("gb18030"), ["encoding", "queries"]),
        ("Latin-1 byte at the end", good.encode() + "é\n".encode("latin-1"), ["encoding", "columns"]),
        ("UTF-16", good.encode("utf-16"), ["encoding", "format"]),
        ("a BOM", "\ufeff" + good, ["encoding"]),
        ("CRLF", good.replace("\n", "\r\n"), ["encoding"]),
        ("one CRLF", good.replace("\n", "\r\n", 1), ["encoding"]),
        ("a NUL byte", good + "\0", ["encoding", "columns"]),
        ("empty", "", ["format"]),
        ("a quote left open", sub(3, "q1,", '"q1,'), ["format"]),
        ("semicolons", good.replace(",", ";"), ["format"]),
        ("tabs", good.replace(",", "\t"), ["format"]),
        ("TREC instead", "".join(f"{q} Q0 {x} {r + 1} {s} t\n" for q in run for r, (x, s) in enumerate(run[q][:5])), ["format"]),
        ("JSON instead", json.dumps([{"query_id": q, "doc_id": x, "rank": r + 1, "score": s} for q in run for r, (x, s) in enumerate(run[q][:5])]),
              ["format"]),
        ("no header", "\n".join(lines[1:]), ["columns"]),
        ("a column renamed", good.replace("doc_id", "docid"), ["columns"]),
        ("columns in another order", "\n".join(",".join([f[1], f[0], *f[2:]]) for f in (x.split(",") for x in lines[:-1])) + "\n", ["columns"]),
        ("a column more", "\n".join(x + ",1" for x in lines[:-1]) + "\n", ["columns"]),
        ("an unknown query", sub(2, "q1,", "q9,") + "", ["queries", "counts", "order"]),
        ("a whole query unknown", good.replace("q1,", "q9,"), ["queries", "languages"] if False else ["queries"]),
        ("a query missing", "\n".join(x for x in lines if not x.startswith("q2,")), ["queries"]),
        ("an unknown document", sub(2, d[1], "d99"), ["ids"]),
        ("an empty document", sub(2, d[1], ""), ["ids"]),
        ("an id as a float", sub(2, d[1], d[1] + ".0"), ["ids"]),
        ("a document twice", sub(2, d[1], d[0]), ["duplicates"]),
        ("NaN", sub(5, "0.6875", "nan"), ["scores"]),
        ("infinity", sub(5, "0.6875", "-inf"), ["scores"]),
        ("an empty score", sub(5, "0.6875", ""), ["scores"]),
        ("a word for a score", sub(5, "0.6875", "high"), ["scores"]),
        ("a score of 1.5", sub(1, "0.9375", "1.5"), ["scores"]),
        ("a score below 0", sub(5, "0.6875", "-0.1"), ["scores"]),
        ("scores that rise", sub(5, "0.6875", "0.9"), ["order"]),
        ("a rank left out", sub(5, ",5,", ",6,"), ["order"]),
        ("ranks from 0", "\n".join([lines[0]] + [f"{a},{b},{int(c) - 1},{e}" for a, b, c, e in (x.split(",") for x in lines[1:-1])]) + "\n", ["order"]),
        ("one too few", at(5, None), ["counts"]),
        ("one too many", at(5, lines[5] + f"\nq1,{spare},6,0.1"), ["counts"]),
        ("ten for each", "query_id,doc_id,rank,score\n" + "".join(f"{q},{x},{r + 1},{s}\n" for q in run for r, (x, s) in enumerate(run[q])), ["counts"]),
        ("a row of two columns", at(5, "q1,d9"), ["columns", "counts"]),
    ]
    return sample, "csv", faults


def fault_json(folder):
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "sample.json"
    texts = dict(QUERIES)
    shape = [{"query": texts[q], "ranked_passages": [{"id": x, "score": s} for x, s in run[q][:5]]} for q in run]
    sample.write_text(json.dumps([{"query": texts[q], "ranked_passages": [{"id": x, "score": 0.5 - i / 10} for i, x in enumerate(DOCS[:5])]}
          for q in run], ensure_ascii=False, indent=2))

    def edit(change):
        copy = json.loads(json.dumps(shape))
        change(copy)
        return json.dumps(copy, ensure_ascii=False, indent=2)

    def passages(copy, i=0):
        return copy[i]["ranked_passages"]

    faults = [
        ("nothing wrong", edit(lambda c: None), []),
        ("not escaped as the sample, but equal", json.dumps(shape), []),
        ("cut off", edit(lambda c: None)[:-40], ["format"]),
        ("a comma too many", edit(lambda c: None).rstrip()[:-1] + ",]", ["format"]),
        ("lines instead", "".join(json.dumps(x) + "\n" for x in shape), ["format"]),
        ("keyed instead", json.dumps({x["query"]: x["ranked_passages"] for x in shape}), ["format"]),
        ("ids alone", json.dumps([{"query": x["query"], "ranked_passages": [p["id"] for p in x["ranked_passages"]]} for x in shape]), ["format"]),
        ("a key renamed", edit(lambda c: None).replace("ranked_passages", "passages"), ["columns"]),
        ("a key of one item renamed", edit(lambda c: None).replace('"score"', '"Score"', 1), ["columns"]),
        ("a key too many", edit(lambda c: c[0].update(model="x")), ["columns"]),
        ("a query missing", edit(lambda c: c.pop()), ["queries"]),
        ("a query doubled", edit(lambda c: c.append(c[0])), ["queries"]),
        ("a query's text changed", edit(lambda c: c[0].update(query=c[0]["query"] + "?")), ["queries"]),
        ("an id as a number", edit(lambda c: passages(c)[0].update(id=1)), ["ids"]),
        ("an unknown id", edit(lambda c: passages(c)[0].update(id="x")), ["ids"]),
        ("an id twice", edit(lambda c: passages(c)[1].update(id=passages(c)[0]["id"])), ["duplicates"]),
        ("NaN as Python writes it", edit(lambda c: passages(c)[4].update(score=float("nan"))), ["scores"]),
        ("Infinity", edit(lambda c: passages(c)[0].update(score=float("inf"))), ["scores"]),
        ("null for a score", edit(lambda c: passages(c)[4].update(score=None)), ["scores"]),
        ("a score in quotes", edit(lambda c: passages(c)[0].update(score="0.9375")), ["scores"]),
        ("a score of 7", edit(lambda c: passages(c)[0].update(score=7)), ["scores"]),
        ("not sorted", edit(lambda c: passages(c).reverse()), ["order"]),
        ("an empty list", edit(lambda c: c[1].update(ranked_passages=[])), ["counts"]),
        ("one too few", edit(lambda c: passages(c, 3).pop()), ["counts"]),
    ]
    return sample, "json", faults


def fault_lists(folder):
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "lists.csv"
    sample.write_text("query_id,document_ids\n" + "".join(f"{q},d1 d2 d3\n" for q in run))
    rows = {q: [x for x, _ in found[:3]] for q, found in run.items()}

    def text(rows, separator=" "):
        return "query_id,document_ids\n" + "".join(f"{q},{separator.join(ids)}\n" for q, ids in rows.items())

    faults = [
        ("nothing wrong", text(rows), []),
        ("lists by semicolons", text(rows, ";"), ["format"]),
        ("a query doubled", text(rows) + f"q1,{' '.join(rows['q1'])}\n", ["queries"]),
        ("a query missing", text({q: ids for q, ids in rows.items() if q != "q3"}), ["queries"]),
        ("an id twice", text({**rows, "q2": [rows["q2"][0]] * 2 + rows["q2"][2:]}), ["duplicates"]),
        ("an unknown id", text({**rows, "q2": ["zzz"] + rows["q2"][1:]}), ["ids"]),
        ("an empty list", text({**rows, "q2": []}), ["counts"]),
        ("four for one query", text({**rows, "q2": [x for x, _ in run["q2"][:4]]}), ["counts"]),
    ]
    return sample, "csv", faults


def fault_wrapped(folder):
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "wrapped.json"
    shape = {"team": "us", "meta": {"version": 1, "data": {"results": [{"qid": q, "docs": [x for x, _ in run[q][:3]]} for q in run]}}}
    sample.write_text(json.dumps(shape))

    def edit(change):
        copy = json.loads(json.dumps(shape))
        change(copy)
        return json.dumps(copy)

    def records(copy):
        return copy["meta"]["data"]["results"]

    faults = [
        ("nothing wrong", edit(lambda c: None), []),
        ("another team", edit(lambda c: c.update(team="them")), []),
        ("a key beside the records left out", edit(lambda c: c.pop("team")), ["columns"]),
        ("a key further in left out", edit(lambda c: c["meta"].pop("version")), ["columns"]),
        ("a key beside the records too many", edit(lambda c: c["meta"].update(x=1)), ["columns"]),
        ("no objects around", json.dumps(records(shape)), ["format"]),
        ("null for an id", edit(lambda c: records(c)[1]["docs"].__setitem__(0, None)), ["ids"]),
        ("null for a query", edit(lambda c: records(c)[0].update(qid=None)), ["queries"]),
    ]
    return sample, "json", faults


def fault_rows(folder):
    """Row numbers, and ids whose zeros matter; no corpus tells them."""
    make_set(folder, QUERIES, DOCS)
    (folder / "corpus.jsonl").unlink()
    sample = folder / "rows.csv"
    good = "row_id,query_id,doc_id,score\n" + "".join(f"{5 * k + r},{q},00{r}{k},0.{9 - r}\n" for k, (q, _) in enumerate(QUERIES) for r in range(5))
    sample.write_text(good)
    faults = [
        ("nothing wrong", good, []),
        ("a row number twice", good.replace("\n3,", "\n2,"), ["ids"]),
        ("a row number left out", good.replace("\n24,", "\n25,"), ["ids"]),
        ("an empty row number", good.replace("\n7,", "\n,"), ["ids"]),
        ("zeros lost", good.replace(",0020,", ",20,"), ["ids"]),
        ("blanks around an id", good.replace(",0020,", ", 0020,"), ["ids"]),
    ]
    return sample, "csv", faults


def fault_beside(folder):
    """Scores in a list of their own."""
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "beside.jsonl"
    shape = [{"qid": q, "doc_ids": [x for x, _ in run[q][:3]], "scores": [s for _, s in run[q][:3]]} for q in run]
    sample.write_text("".join(json.dumps(x) + "\n" for x in shape))

    def edit(change):
        copy = json.loads(json.dumps(shape))
        change(copy)
        return "".join(json.dumps(x) + "\n" for x in copy)

    faults = [
        ("nothing wrong", edit(lambda c: None), []),
        ("a score too few", edit(lambda c: c[1]["scores"].pop()), ["columns"]),
        ("a score too many", edit(lambda c: c[1]["scores"].append(0.1)), ["columns"]),
        ("scores of nothing", edit(lambda c: c[1]["scores"].__setitem__(0, None)), ["scores"]),
    ]
    return sample, "jsonl", faults


def fault_trec(folder):
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "sample.trec"
    lines = [f"{q} Q0 {x} {r + 1} {s} base\n" for q in run for r, (x, s) in enumerate(run[q][:5])]
    sample.write_text("".join(lines))
    good = "".join(lines).replace("base", "mine")
    faults = [
        ("nothing wrong", good, []),
        ("by tabs", good.replace(" ", "\t"), []),
        ("a header", "qid Q0 docid rank score run\n" + good, ["columns"]),
        ("a tag left out", good.replace(" mine", "", 1), ["columns", "order", "counts"]),
        ("CSV instead", good.replace(" ", ","), ["format"]),
        ("ranks from 0", "".join(f"{a} {b} {c} {int(r) - 1} {s} {t}\n" for a, b, c, r, s, t in (x.split() for x in good.splitlines())), ["order"]),
    ]
    return sample, "trec", faults


def fault_bytes(folder):
    """What must not stand in the text itself."""
    run = make_set(folder, QUERIES, DOCS)
    sample = folder / "bytes.csv"
    good = "query_id,document_id\n" + "".join(f"{q},{x}\n" for q in run for x, _ in run[q][:3])
    sample.write_text(good)
    half = good.index("\nq3") + 1
    faults = [
        ("nothing wrong", good, []),
        ("files with a BOM joined", good[:half] + "\ufeff" + good[half:], ["encoding", "queries", "counts"]),
        ("two BOMs", "\ufeff\ufeff" + good, ["encoding", "columns"]),
        ("CR alone", good.replace("\n", "\r"), ["encoding", "format"]),
    ]
    return sample, "csv", faults


def check_faults(folder):
    for maker in (fault_pairs, fault_json, fault_lists, fault_wrapped, fault_beside, fault_trec, fault_bytes, fault_rows):
        sample, suffix, faults = maker(folder)
        out = folder / f"faulty.{suffix}"
        for name, text, expected in faults:
            out.write_bytes(text if isinstance(text, bytes) else text.encode())
            code, red, answer = judge(folder, out, sample, *[w for w in known(folder) if maker is not fault_rows or "corpus" not in str(w)])
            answered = {item["name"] for item in answer["items"]}
            script = {"languages"} if name in ("a query missing", "a query's text changed", "GB18030", "a whole query unknown",
                                               "null for a query") else set()
            check(code == (1 if expected else 0) and set(red) - script == set(expected) and answered >= set(expected),
                  f"{maker.__name__}: {name}: {expected or 'green'}", (code, red, answer))
            for item in answer["items"]:
                if item["ok"] == bool(item["fix"]):
                    check(False, f"{name}: a fix stands at red items alone", item)


# ---- samples --------------------------------------------------------------------------------------------------------------

def check_bad_samples(folder):
    make_set(folder, QUERIES, DOCS)
    cases = [
        ("empty", "csv", "", "empty"),
        ("a row with a column more", "csv", "qid,docid,score\nq1,d1,0.9\nq1,d2,0.8,5\n", "line 3"),
        ("a row with a column less", "csv", "qid,docid,score\nq1,d1,0.9\nq1,d2\nq2,d3,0.1\n", "line 3"),
        ("a name twice", "csv", "qid,docid,docid\nq1,d1,d2\n", "both named"),
        ("two queries", "csv", "query_id,topic_id,doc_id\nq1,t1,d1\nq2,t2,d2\n", "both name"),
        ("two scores", "csv", "qid,docid,score,similarity\nq1,d1,0.1,0.2\nq2,d2,0.3,0.4\n", "both name"),
        ("one column", "csv", "query_id\nq1\nq2\n", "one column"),
        ("a score that is none", "csv", "qid,docid,score\nq1,d1,0.9\nq1,d2,0.8\nq1,d3,high\n", None),
        ("an open quote", "csv", 'qid,docid\nq1,"d1\nq2,d2\n', "never closed"),
        ("a query twice among lists", "csv", "qid,docs\nq1,d1 d2\nq2,d3 d4\nq1,d5 d6\n", "line 4"),
        ("mixed id types", "json", '[{"qid": "q1", "docs": ["d1", 2]}, {"qid": "q2", "docs": ["d3"]}]', "others are text"),
        ("mixed query types", "json", '[{"qid": 1, "docs": ["d1"]},\n {"qid": "q2", "docs": ["d3"]}]', "line 2"),
        ("records with other keys", "json", '[{"qid": "q1", "docs": ["d1"]},\n {"qid": "q2", "documents": ["d3"]}]', "line 2"),
        ("broken JSON", "json", '[{"qid": "q1", "docs": ["d1"]},\n {"qid": "q2" "docs": []}]', "line 2"),
        ("an array of numbers", "json", "[1, 2, 3]", "no objects"),
        ("broken JSONL", "jsonl", '{"qid": "q1", "docs": ["d1"]}\n{"qid": "q2", \n', "line 2"),
        ("an empty array", "json", "[]", "no records"),
        ("empty lists alone", "json", '{"q1": [], "q2": []}', "every list in it is empty"),
        ("UTF-16", "csv", "qid,docid\nq1,d1\n".encode("utf-16"), "UTF-16"),
        ("CR alone", "csv", "qid,docid\rq1,d1\r", "CR alone"),
        ("GB18030", "csv", "问题ID,文档ID\nq1,d1\n".encode("gb18030"), "line 1 is no UTF-8"),
        ("null for a query", "json", '[{"qid": "q1", "docs": ["d1"]},\n {"qid": null, "docs": ["d3"]}]', "line 2"),
        ("a TREC row of five", "trec", "q1 Q0 d1 1 0.9 base\nq1 Q0 d2 2 0.8\n", "line 2"),
        ("a score column too few", "csv", "qid,doc_1,score_1,doc_2\nq1,d1,0.9,d2\nq2,d3,0.8,d1\n", "2 columns of documents and 1 of scores"),
        ("two notations of scores", "csv", "qid;docid;score\nq1;d1;0,9\nq1;d2;0.8\nq2;d3;0.7\n", "line 3"),
        ("some scores in percent", "csv", "qid,docid,score\nq1,d1,90%\nq1,d2,0.8\nq2,d3,70%\n", "line 3"),
        ("two forms of lists", "csv", "qid,docs\nq1,d1 d2\nq2,d3;d1\nq3,d2;d3\n", "two ways"),
        ("fewer scores than documents", "json", '[{"qid": "q1", "doc_ids": ["d1", "d2"], "scores": [0.9]}]', "1 scores beside 2 documents"),
        ("documents by rank", "json", '{"q1": {"1": "d1", "2": "d2"}, "q2": {"1": "d3"}}', "no list of documents"),
        ("ranks that are words", "csv", "qid,docid,rank\nq1,d1,1\nq1,d2,second\nq2,d3,1\n", None),
    ]
    for name, suffix, text, words in cases:
        sample, out = folder / f"bad.{suffix}", folder / "none.csv"
        sample.write_bytes(text if isinstance(text, bytes) else text.encode())
        for command in (("check", folder / "run.trec"), ("submit-format", folder / "run.trec", "-o", out)):
            run = trident(*command, "--sample", sample)
            clear = run.returncode == 1 and run.stderr.count("\n") == 1 and (words is None or words in run.stderr)
            check(clear and not out.exists(), f"{command[0]} refuses a sample: {name}", run)
    missing = trident("check", folder / "run.trec", "--sample", folder / "nowhere.csv")
    check(missing.returncode == 1 and "nowhere.csv" in missing.stderr, "a sample that is not there", missing)
    for words in (("check", folder / "run.trec"), ("submit-format", folder / "run.trec"), ("check", folder / "run.trec", "--sample",
          folder / "run.trec", "--force", " ")):
        run = trident(*words)
        check(run.returncode == 2, f"wrong usage: {words[0]} without what it needs", run)


def check_writer(folder):
    run = make_set(folder, QUERIES, DOCS)
    sample, out = folder / "s.csv", folder / "o.csv"

    def refuse(name, words, *more, run_text=None, sample_text="qid,docs\nq1,d1 d2 d3\nq2,d3\n"):
        sample.write_text(sample_text)
        source = folder / "other.trec"
        source.write_bytes((folder / "run.trec").read_bytes() if run_text is None else run_text.encode() if isinstance(run_text, str) else run_text)
        got = trident("submit-format", source, "--sample", sample, "-o", out, *more)
        check(got.returncode == 1 and words in got.stderr and got.stderr.count("\n") == 1 and not out.exists(), f"submit-format refuses {name}", got)

    sample.write_text("qid,docs\nq1,d1 d2 d3\nq2,\n")
    (folder / "part.trec").write_text("q1 Q0 d1 1 0.5 t\n")
    part = trident("submit-format", folder / "part.trec", "--sample", sample, *known(folder))
    check(part.returncode == 0 and part.stdout == "qid,docs\nq1,d1\nq2,\nq3,\nq4,\nq5,\n", "lists may be empty where the sample's are", part)
    one = "q1 Q0 d1 1 0.5 t\n"
    refuse("a run without some queries", "no documents for 4 of 5", *known(folder), run_text=one)
    refuse("a run of unknown queries", "not known", *known(folder), run_text=(folder / "run.trec").read_text() + "q77 Q0 d1 1 0.5 t\n")
    refuse("a document that the corpus lacks", "not in", *known(folder), run_text=(folder / "run.trec").read_text().replace(" d1 ", " dx "))
    refuse("a document twice", "twice", *known(folder), run_text=one + one)
    refuse("a score that is none", "no finite score", *known(folder), run_text="q1 Q0 d1 1 nan t\n")
    refuse("an id with the list's separator", "separator", run_text="qid\tdocid\tscore\nq1\td 1\t0.5\nq2\td2\t0.4\n")
    refuse("a column that is not understood", "not understood", *known(folder), sample_text="qid,docid,score,colour\nq1,d1,0.9,red\nq2,d2,0.8,blue\n")
    refuse("labels of pairs that one id names", "looks like the document", *known(folder), sample_text="id,label\nq1-d1,1\nq1-d2,0\nq2-d3,0\n")
    refuse("a query that the run lacks, with a header alone", "no documents for 4 of 5", *known(folder), run_text=one, sample_text="qid,docs\n")
    refuse("an id that is no UTF-8", "no UTF-8", run_text=b"q1 Q0 d\xff 1 0.5 t\nq2 Q0 d1 1 0.5 t\n")
    refuse("a query that is no UTF-8", "no UTF-8", run_text=b"q1 Q0 d1 1 0.5 t\nq2 Q0 d1 1 0.5 t\n\xff Q0 d1 1 0.5 t\nq\xff Q0 d1 1 0.5 t\n5 Q0 d1 1 0.5 t\n")
    refuse("an id with a tab in it", "a tab", run_text='qid,docid,score\nq1,"d\t7",0.5\nq2,d2,0.4\n')
    refuse("texts without their file", "--queries", sample_text="qid,query,docid\nq1,what,d1\nq2,who,d2\n")
    refuse("numbers from words", "whole number", "--queries", folder / "queries.jsonl", sample_text='[{"qid": "q1", "docs": [1, 2]}]')
    refuse("another depth than a whole sample's", "--top 3", "--top", "3", *known(folder),
           sample_text="qid,docs\n" + "".join(f"{q},{' '.join(DOCS[:5])}\n" for q in run))
    refuse("a run that is too shallow", "search deeper", *known(folder), run_text="".join(f"{q} Q0 {x} 1 0.5 t\n" for q in run for x in DOCS[:4]),
           sample_text="qid,docs\n" + "".join(f"{q},{' '.join(DOCS[:5])}\n" for q in run))
    for taken in ("run.trec", "queries.jsonl", "corpus.jsonl", "s.csv"):
        sample.write_text("qid,docs\nq1,d1 d2 d3\n")
        before = (folder / taken).read_bytes()
        got = trident("submit-format", folder / "run.trec", "--sample", sample, *known(folder), "-o", folder / "." / taken)
        check(got.returncode == 1 and "it is read as" in got.stderr and (folder / taken).read_bytes() == before, f"OUT is not {taken}", got)
    sample.write_text("qid,docs\nq1,d1 d2 d3\n")
    top = trident("submit-format", folder / "run.trec", "--sample", sample, "--top", "4", "-o", out, *known(folder))
    check(top.returncode == 0 and [len(x.split(",")[1].split()) for x in out.read_text().splitlines()[1:]] == [4] * 5, "--top keeps the best", top)
    code, red, answer = judge(folder, out, sample, *known(folder))
    check(code == 0, "and the check agrees", answer)
    line = f"{hashlib.sha256(out.read_bytes()).hexdigest()}  o.csv"
    manifest = (folder / "manifest.sha256").read_text()
    check(line in manifest.splitlines() and "  run.trec" in manifest, "the run and the submission stand in the manifest", manifest)
    proved = subprocess.run(["sha256sum", "-c", "--ignore-missing", "manifest.sha256"], cwd=folder, capture_output=True, text=True)
    check(proved.returncode == 0 or "o.csv: OK" in proved.stdout, "sha256sum -c reads it", proved)
    lone = trident("submit-format", folder / "run.trec", "--sample", sample)
    check(lone.returncode == 0 and lone.stdout.count("\n") == 6 and "excerpt" in lone.stderr,
          "without --queries an excerpt is told; - is standard output", lone)
    (folder / "full.csv").write_text("qid,docs\n" + "".join(f"{q},d1 d2\n" for q in reversed(run)))
    ordered = trident("submit-format", folder / "run.trec", "--sample", folder / "full.csv", *known(folder))
    check([x.split(",")[0] for x in ordered.stdout.split()[1:] if "," in x] == list(reversed(run)), "a whole sample's order of queries is kept", ordered)
    for name, text, words in (("ranks", "qid,docid,rank\nq1,d1,1\nq1,d2,1\nq2,d3,1\n", "do not count up"),
                              ("a score", "qid,docid,score\nq1,d1,0.1\nq1,d2,0.2\nq1,d3,0.3\nq2,d1,0.4\nq2,d2,0.5\nq2,d3,0.6\n", "falling ones"),
                              ("numbers", "qid,docid,points\nq1,d1,0.1\nq1,d2,0.2\nq1,d3,0.3\nq2,d1,0.4\nq2,d2,0.5\nq2,d3,0.6\n", "lower is taken")):
        sample.write_text(text)
        odd = trident("submit-format", folder / "run.trec", "--sample", sample, *known(folder))
        lines = [x.split(",") for x in odd.stdout.split()[1:4]]
        up = float(lines[0][2]) < float(lines[1][2])
        check(odd.returncode == 0 and words in odd.stderr and up == (name != "a score"), f"an odd sample is told: {name}", odd)
    wide = (folder / "run.trec").read_text().replace(" 0.", " 17.")
    (folder / "wide.trec").write_text(wide)
    sample.write_text("qid,docid,score\nq1,d1,0.9\nq1,d2,0.25\nq2,d2,0.1\n")
    scaled = trident("submit-format", folder / "wide.trec", "--sample", sample, *known(folder))
    scores = [float(x.split(",")[2]) for x in scaled.stdout.split()[1:]]
    check(scaled.returncode == 0 and min(scores) == 0 and max(scores) == 1 and "linear map" in scaled.stderr,
          "scores are moved into the sample's range, and that is told", scaled)
    write_jsonl(folder / "hits.jsonl", [{"qid": q, "rank": r + 1, "id": x, "score": s, "dense": s, "text": "t"} for q in run for r, (x,
          s) in enumerate(run[q])])
    hits = trident("submit-format", folder / "hits.jsonl", "--sample", sample, *known(folder))
    plain = trident("submit-format", folder / "run.trec", "--sample", sample, *known(folder))
    check(hits.returncode == 0 and hits.stdout == plain.stdout, "what search writes as .jsonl is a run too", hits)


# ---- the organiser's files ------------------------------------------------------------------------------------------------

def check_known_files(folder):
    """Queries and corpora in the shapes that organisers have them: each gives the ids and the texts of the same JSONL."""
    make_set(folder, QUERIES, DOCS)
    sample = folder / "s.csv"
    sample.write_text("qid,query_text,docid\nq1,what is a lift,d1\n")
    expected = trident("submit-format", folder / "run.trec", "--sample", sample, *known(folder)).stdout
    quoted = io.StringIO()
    csv.writer(quoted, lineterminator="\n").writerows([(text, i, "x") for i, text in [("query_id", "query"), *QUERIES]])
    shapes = [
        ("array.json", json.dumps([{"query_id": i, "question": t} for i, t in QUERIES], indent=1)),
        ("map.json", json.dumps(dict(QUERIES), ensure_ascii=False)),
        ("other.jsonl", "".join(json.dumps({"lang": "x", "qid": i, "question": t}) + "\n" for i, t in QUERIES)),
        ("plain.tsv", "".join(f"{i}\t{t}\n" for i, t in QUERIES)),
        ("header.tsv", "".join(f"{i}\t{t}\r\n" for i, t in [("query-id", "text"), *QUERIES])),
        ("second.csv", quoted.getvalue()),
    ]
    for name, text in shapes:
        (folder / name).write_bytes(text.encode())
        got = trident("submit-format", folder / "run.trec", "--sample", sample, "--queries", folder / name)
        check(got.returncode == 0 and got.stdout == expected, f"--queries {name}: the ids and texts of the JSONL", got)
    (folder / "quotes.tsv").write_text('q1\t"what" is a lift\nq2\t"wie\nq3\tin "x"\nq4\t"all ""of"" it"\nq5\tan id\n')
    quotes = trident("submit-format", folder / "run.trec", "--sample", sample, "--queries", folder / "quotes.tsv")
    texts = [row[1] for row in csv.reader(io.StringIO(quotes.stdout))][1::DEPTH]
    check(texts == ['"what" is a lift', '"wie', 'in "x"', 'all "of" it', "an id"], "quotes in a .tsv are text unless they enclose a field", quotes)
    (folder / "broken.json").write_text('[{"id": "q1"},\n {"id": "q1"}]')
    twice = trident("submit-format", folder / "run.trec", "--sample", sample, "--queries", folder / "broken.json")
    check(twice.returncode == 1 and "was there before" in twice.stderr, "an id twice in a .json", twice)


# ---- force, runs ----------------------------------------------------------------------------------------------------------

def check_force(folder):
    make_set(folder, QUERIES, DOCS)
    sample, out, ledger = folder / "s.csv", folder / "bad.csv", folder / "state" / "ledger.db"
    sample.write_text("qid,docs\nq1,d1 d2\n")
    out.write_text("qid,docs\nq1,d1 d1\n")
    os.environ["TRIDENT_LEDGER"] = str(ledger)
    red = trident("check", out, "--sample", sample)
    check(red.returncode == 1 and "RED   duplicates" in red.stdout and "fix: " in red.stdout and "green encoding" in red.stdout and "--force" in red.stderr,
          "red and green, line by line, with the fix", red)
    check(not ledger.exists() and "\033" not in red.stdout, "no ledger without --force, no colours into a pipe", red)
    forced = trident("check", out, "--sample", sample, *known(folder), "--force", "the organiser asked for it", "--json")
    rows = sqlite3.connect(ledger).execute("select * from sqlite_master").fetchall() and json.loads(trident("ledger", "--json").stdout)
    rows = rows if isinstance(rows, list) else next(v for v in rows.values() if isinstance(v, list))
    answer = json.loads(forced.stdout)
    check(f"check {out} --sample {sample} --queries {folder / 'queries.jsonl'} --corpus" in rows[0]["command"], "the ledger has the whole command", rows)
    check(forced.returncode == 0 and answer["ok"] is False and answer["forced"] == "the organiser asked for it", "--force exits 0 and says so", forced)
    check(len(rows) == 1 and rows[0]["outcome"] == "forced" and "organiser asked" in rows[0]["note"] and "duplicates" in rows[0]["note"]
          and rows[0]["data_hash"] == hashlib.sha256(out.read_bytes()).hexdigest(), "the ledger has the reason, what was red, and the hash", rows)
    out.write_text("qid,docs\nq1,d1 d2\n")
    green = trident("check", out, "--sample", sample, "--force", "no need", "--json")
    check(green.returncode == 0 and json.loads(green.stdout)["forced"] is None, "a green file is not forced", green)
    del os.environ["TRIDENT_LEDGER"]


def make_runs(folder):
    runs = folder / "plan.run"
    shutil.rmtree(runs, ignore_errors=True)
    for name in ("v1", "v2", "v3"):
        version = runs / name
        version.mkdir(parents=True)
        (version / "status.json").write_text(json.dumps({"name": name, "state": "done"}))
        (version / "config.json").write_text(json.dumps({"blend": ["v1", "v2"]} if name == "v3" else {"model": "m"}))
        if name != "v3":
            (version / "log.txt").write_text("trident search: 5 queries\n")
        shutil.copy(folder / "run.trec", version / "run.trec")
        rng = random.Random(name)
        values = {f"q{i:03}": {"ndcg@10": rng.uniform(0.3, 0.9)} for i in range(50)}
        (version / "metrics.json").write_text(json.dumps({"run.trec": {"metrics": {"ndcg@10": 0.6}, "per_query": values}}))
    return runs


def manifest_of(runs):
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(runs)}\n" for p in sorted(runs.glob("v*/run.trec"))]
    (runs / "manifest.sha256").write_text("".join(lines))


def check_runs(folder):
    make_set(folder, QUERIES, DOCS)
    sample, out = folder / "s.csv", folder / "o.csv"
    sample.write_text("qid,docs\nq1,d1 d2 d3\n")
    trident("submit-format", folder / "run.trec", "--sample", sample, "-o", out, *known(folder))

    def one(name, change, expected, *words):
        runs = make_runs(folder)
        manifest_of(runs)
        change(runs)
        code, red, answer = judge(folder, out, sample, "--runs", runs, *words, *known(folder))
        check(red == expected and code == bool(expected) and {"finished", "truncation", "backup"} <= {i["name"] for i in answer["items"]},
              f"--runs: {name}", answer)
        return answer

    def metrics(runs, change):
        path = runs / "v2/metrics.json"
        value = json.loads(path.read_text())
        change(value["run.trec"]["per_query"])
        path.write_text(json.dumps(value))

    def zero_fold(queries):
        for i, q in enumerate(sorted(queries)):
            if i % 5 == 2:
                queries[q]["ndcg@10"] = 0.0

    answer = one("all in order", lambda r: None, [])
    check(any(i["name"] == "stability" and "0." in i["detail"] for i in answer["items"]), "stability tells mean and deviation", answer)
    one("a version that failed", lambda r: (r / "v1/status.json").write_text('{"state": "failed"}'), ["finished"])
    one("a version that still runs", lambda r: (r / "v2/status.json").write_text('{"state": "running"}'), ["finished"])
    cut = "trident index: 3 of 900 texts were longer than 512 tokens: cut at the tail\n"
    answer = one("texts that were cut", lambda r: (r / "v1/log.txt").write_text(cut), ["truncation"])
    check(any("3 texts were cut" in i["detail"] for i in answer["items"]), "the number of cut texts is told", answer)
    pairs = "trident rerank: of 90 pairs 2 had the query cut and 5 the passage, to 512 tokens together\n"
    answer = one("pairs that were cut", lambda r: (r / "v1/log.txt").write_text(pairs), ["truncation"])
    check(any("7 texts were cut" in i["detail"] for i in answer["items"]), "queries and passages are counted", answer)
    one("cuts that are allowed", lambda r: (r / "v1/log.txt").write_text(cut), [], "--allow-truncation")
    def allowed_by_plan(runs):
        (runs / "v1/log.txt").write_text(cut)
        (runs / "v1/config.json").write_text(json.dumps({"model": "m", "allow_truncation": "true"}))

    one("cuts that the plan allows", allowed_by_plan, [])
    one("cuts that the plan of another version allows", lambda r: (allowed_by_plan(r), (r / "v2/log.txt").write_text(cut)), ["truncation"])

    def index_job(runs):
        (runs / "index-0.job").mkdir()
        (runs / "index-0.job/status.json").write_text('{"state": "done"}')
        (runs / "index-0.job/log.txt").write_text(cut)

    one("the job of a shared index is no version", index_job, [])
    one("no log", lambda r: (r / "v1/log.txt").unlink(), ["truncation"])
    one("a fold that stands apart", lambda r: metrics(r, zero_fold), ["stability"])
    one("a raw run changed", lambda r: (r / "v2/run.trec").open("a").write("q1 Q0 x 99 0 t\n"), ["backup"])
    one("a raw run not listed", lambda r: (r / "manifest.sha256").write_text(""), ["backup"])
    one("a raw run gone", lambda r: (r / "v1/run.trec").unlink(), ["backup"])
    one("a version's own folder", lambda r: None, [])
    few = one("few queries", lambda r: [(p.write_text('{"r": {"per_query": {"q1": {"map": 1}}}}')) for p in r.glob("v*/metrics.json")], [])
    check(any("stability was not judged" in n for n in few["notes"]), "too few queries are told", few)
    out.write_text(out.read_text().replace("q1,", "q1,", 1) + "")
    with out.open("a") as f:
        f.write("")
    saved = out.read_text()
    out.write_text(saved.rstrip("\n") + "\n\n")
    one("a submission changed after it was written", lambda r: None, ["backup"])
    out.write_text(saved)
    nothing = trident("check", out, "--sample", sample, "--runs", folder / "nowhere")
    check(nothing.returncode == 1 and "no folder" in nothing.stderr, "a run folder that is not there", nothing)


def check_size(folder):
    """A file of 200 MB is checked in a part of its size."""
    make_set(folder, QUERIES, DOCS)
    sample, big = folder / "s.tsv", folder / "big.tsv"
    sample.write_text("query_id\tdoc_id\trank\tscore\nq0\td0\t1\t0.5\nq0\td1\t2\t0.4\nq1\td0\t1\t0.5\n")
    with big.open("w") as f:
        f.write("query_id\tdoc_id\trank\tscore\n")
        tail = "".join(f"%s\tdocument-{i:015}\t{i + 1}\t{(100 - i) / 128}\n" for i in range(100))
        for q in range(50000):
            f.write(tail.replace("%s", f"q{q}"))
    code = ("import resource, subprocess, sys; r = subprocess.run(sys.argv[1:], capture_output=True, text=True);"
            "print(r.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, r.stdout[-300:], r.stderr[-300:])")
    run = subprocess.run([sys.executable, "-c", code, str(TRIDENT), "check", str(big), "--sample", str(sample)], capture_output=True, text=True)
    size, peak = big.stat().st_size >> 20, int(run.stdout.split()[1])
    check(run.stdout.startswith("0 ") and (sanitized() or peak < size * 0.6), f"a file of {size} MB takes {peak} MB", run.stdout)
    big.unlink()


def main():
    for part in (check_shapes, check_faults, check_bad_samples, check_writer, check_known_files, check_force, check_runs, check_size):
        with tempfile.TemporaryDirectory(prefix="tri-check-") as folder:
            part(pathlib.Path(folder))
    return plan()


if __name__ == "__main__":
    sys.exit(main())

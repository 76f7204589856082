#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_rerank.py: does `trident rerank` keep its contract: the submission's bytes, ids, order, cuts, caches that survive kill -9 and
two processes, and clear words for bad input? On the tiny cross-encoder of the golden set; its numbers are judged elsewhere."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

from tap import ROOT, TRIDENT, check, plan, skip, trident

MODEL = ROOT / "tests/golden/models/bert-ce-identity/model"
REAL_CACHE = os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")
QUERY = "χηχασα голобуво limu"
WORDS = "fage рилада limu vede куко лилу besa hati cudu lipi puzafe лонони забе muforeco cohediru".split()


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def passages(n, rng, length=12):
    return [{"id": f"p{i}", "text": " ".join(rng.choices(WORDS, k=length))} for i in range(n)]


def scores_of(folder, query, texts, *words):
    """Each text's score, computed alone."""
    rows = [{"query": query, "passages": [{"id": 0, "text": t}]} for t in texts]
    run = trident("rerank", MODEL, "-i", write(folder / "alone.jsonl", rows), "-o", "-", "-q", *words)
    return [row["ranked_passages"][0]["score"] for row in json.loads(run.stdout)]


def check_submission(folder):
    rng = random.Random(1)
    rows = [{"query": QUERY, "passages": passages(5, rng), "other": None},
            {"query": "", "passages": []},
            {"query": "quote \" and \\ and \n", "passages": [{"id": 7, "text": "limu"}, {"id": "7", "text": ""}, {"id": 7, "text": "hati limu"},
                                                          {"text": "vede"}, "куко лилу", {"id": 1.5, "text": "fage"}]}]
    source, out = write(folder / "in.jsonl", rows), folder / "submission.json"
    run = trident("rerank", MODEL, "-i", source, "-o", out)
    text = out.read_text()
    got = json.loads(text)
    check(run.returncode == 0 and text == json.dumps(got, ensure_ascii=False, indent=2), "the bytes of json.dump(indent=2, ensure_ascii=False)", run)
    check([list(row) for row in got] == [["query", "ranked_passages"]] * 3 and [row["query"] for row in got] == [r["query"] for r in rows],
          "queries in input order", got)
    check(got[1]["ranked_passages"] == [], "an empty list of passages is an empty answer", got[1])
    ids = [p["id"] for p in got[2]["ranked_passages"]]
    check(sorted(map(repr, ids)) == sorted(map(repr, [7, "7", 7, 3, 4, 1.5])), "ids keep their type, may repeat, and are places where missing", ids)
    alone = scores_of(folder, QUERY, [p["text"] for p in rows[0]["passages"]])
    want = sorted(range(5), key=lambda i: (-alone[i], i))
    check([(p["id"], p["score"]) for p in got[0]["ranked_passages"]] == [(f"p{i}", alone[i]) for i in want],
          "ranked by score, the scores those of each pair alone", got[0])
    lines = trident("rerank", MODEL, "-i", source, "-o", folder / "out.jsonl")
    check(lines.returncode == 0 and [json.loads(x) for x in (folder / "out.jsonl").read_text().splitlines()] == got, "an object a line in .jsonl", lines)
    top = json.loads(trident("rerank", MODEL, "-i", source, "--top", "2", "-q").stdout)
    check([row["ranked_passages"] for row in top] == [row["ranked_passages"][:2] for row in got], "--top keeps the best", top)
    empty = trident("rerank", MODEL, "-i", write(folder / "empty.jsonl", []), "-q")
    check(empty.returncode == 0 and empty.stdout == "[]", "no queries: an empty array", empty)
    same = [{"query": QUERY, "passages": [{"id": i, "text": "limu hati"} for i in range(20)]}]
    tied = json.loads(trident("rerank", MODEL, "-i", write(folder / "tied.jsonl", same), "-q").stdout)
    check([p["id"] for p in tied[0]["ranked_passages"]] == list(range(20)), "equal scores stay in input order", tied)
    for words in (("--threads", "1"), ("--batch", "1"), ("--batch-tokens", "300"), ("--memory-limit", "6m")):
        other = trident("rerank", MODEL, "-i", source, "-q", *words)
        check(other.stdout == text, "the same bytes with " + " ".join(words), other)


def check_scores(folder):
    rng = random.Random(2)
    source = write(folder / "in.jsonl", [{"query": QUERY, "passages": passages(9, rng)}])
    plain, sigmoid = (json.loads(trident("rerank", MODEL, "-i", source, "-q", *words).stdout)[0]["ranked_passages"]
                      for words in ((), ("--activation", "sigmoid")))
    check([p["id"] for p in plain] == [p["id"] for p in sigmoid]
          and all(abs(s["score"] - 1 / (1 + 2.718281828459045 ** -p["score"])) < 1e-6 for p, s in zip(plain, sigmoid)),
          "this folder asks for logits; --activation sigmoid gives their sigmoid, in the same order", sigmoid)
    pair = trident("rerank", MODEL, "-i", write(folder / "ids.jsonl", [{"ids": [2, 9, 10, 3, 11, 3], "type_ids": [0, 0, 0, 0, 1, 1]}]), "-o",
                   folder / "ids.out.jsonl")
    row = json.loads((folder / "ids.out.jsonl").read_text())
    check(pair.returncode == 0 and list(row) == ["logit", "score"] and row["logit"] == row["score"], "a pair of token ids gives logit and score", row)
    said = [trident("rerank", MODEL, "-i", source, "--isa", isa).stderr.count("as fast in bf16 as in f32") for isa in ("avx2", "avx2", "ref")]
    check(said in ([1, 0, 0], [0, 0, 0]), "the gain of half precision is said once for a device, and not where it cannot be measured", said)
    info = json.loads(trident("info", MODEL, "--json").stdout)
    check(info["reranks"] and info["score_activation"] == "identity" and not info["dense"], "info says what it is", info)
    doctor = trident("doctor", MODEL)
    check(doctor.returncode == 0 and "FAIL" not in doctor.stdout and "company" in doctor.stdout, "doctor examines it", doctor)


def check_cuts(folder):
    long = " ".join(WORDS * 40)
    source = write(folder / "long.jsonl", [{"query": QUERY, "passages": [{"id": 1, "text": long}, {"id": 2, "text": "limu"}]},
                                           {"query": " ".join(WORDS * 400), "passages": [{"id": 1, "text": "limu"}, {"id": 2, "text": long * 200}]}])
    run = trident("rerank", MODEL, "-i", source, "-o", folder / "out.json")
    check(run.returncode == 0 and "of 4 pairs 2 had the query cut and 2 the passage" in run.stderr, "cuts are counted: long queries, a 1 MB passage", run)
    refused = trident("rerank", MODEL, "-i", source, "-o", folder / "none.json", "--on-long", "error")
    check(refused.returncode == 1 and "pair 0" in refused.stderr and "--on-long truncate" in refused.stderr and not (folder / "none.json").exists(),
          "--on-long error names the pair", refused)
    short = json.loads(trident("rerank", MODEL, "-i", source, "-q", "--max-length", "32", "--query-max", "8", "--cut", "passage").stdout)
    check(len(short) == 2, "--query-max and --cut are taken", short)
    write(folder / "w.jsonl", [{"query": QUERY, "passages": [{"id": 1, "text": long}, {"id": 2, "text": "limu"}]}])
    rows = json.loads(trident("rerank", MODEL, "-i", folder / "w.jsonl", "-q", "--windows", "max").stdout)
    other = json.loads(trident("rerank", MODEL, "-i", folder / "w.jsonl", "-q", "--windows", "mean").stdout)
    score = {name: {p["id"]: p["score"] for p in got[0]["ranked_passages"]} for name, got in (("max", rows), ("mean", other))}
    check(score["max"][2] == score["mean"][2] and score["max"][1] > score["mean"][1], "--windows max and mean differ where a passage is long", score)
    small = trident("rerank", MODEL, "-i", source, "-q", "--max-length", "3")
    check(small.returncode == 1 and "max length 3" in small.stderr, "a length that holds no pair is refused", small)


def check_bad_input(folder):
    cases = [("no passages", {"query": "a"}, "no \"passages\""), ("passages that are no list", {"query": "a", "passages": "b"}, "not a list"),
             ("no query", {"passages": []}, "no \"query\""), ("a passage without text", {"query": "a", "passages": [{"id": 1}]}, "\"text\""),
             ("a text that is a number", {"query": "a", "passages": [{"id": 1, "text": 5}]}, "\"text\""),
             ("an id that is a list", {"query": "a", "passages": [{"id": [], "text": "b"}]}, "\"id\""),
             ("an id that no 64 bits hold", {"query": "a", "passages": [{"id": 18446744073709551615, "text": "b"}]}, "64 bits"),
             ("a passage that is a number", {"query": "a", "passages": [4]}, "passage 0")]
    good = {"query": "limu", "passages": [{"id": 1, "text": "hati"}]}
    for what, row, words in cases:
        source = write(folder / "bad.jsonl", [good, row, good])
        run = trident("rerank", MODEL, "-i", source, "-o", folder / "bad.json")
        check(run.returncode == 1 and "line 2" in run.stderr and words in run.stderr and not (folder / "bad.json").exists(), what, run)
        skip = trident("rerank", MODEL, "-i", source, "--skip-bad")
        check(skip.returncode == 0 and len(json.loads(skip.stdout)) == 2 and "skipped 1 broken line" in skip.stderr, what + ", skipped", skip)
    sick = folder / "sick"
    shutil.copytree(MODEL, sick)
    data = bytearray((sick / "model.safetensors").read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    begin = 8 + size + json.loads(data[8:8 + size])["classifier.bias"]["data_offsets"][0]
    data[begin:begin + 4] = struct.pack("<f", float("nan"))
    (sick / "model.safetensors").write_bytes(data)
    run = trident("rerank", sick, "-i", write(folder / "one.jsonl", [good]), "-o", folder / "sick.json")
    check(run.returncode == 1 and "classifier.bias" in run.stderr and not (folder / "sick.json").exists(), "a NaN logit names the tensor", run)
    data[begin:begin + 4] = struct.pack("<f", 0)
    begin = 8 + size + json.loads(data[8:8 + size])["classifier.weight"]["data_offsets"][0]
    for at in range(begin, begin + 4 * 64, 4):
        data[at:at + 4] = struct.pack("<f", 3e38)
    (sick / "model.safetensors").write_bytes(data)
    run = trident("rerank", sick, "-i", folder / "one.jsonl", "-o", folder / "sick.json")
    check(run.returncode == 1 and '"limu"' in run.stderr and "not finite" in run.stderr, "a logit that overflows names the query", run)
    vectors = trident("encode", MODEL, "-i", write(folder / "text.jsonl", [{"text": "limu"}]))
    check(vectors.returncode == 1 and "cross-encoder" in vectors.stderr and "trident rerank" in vectors.stderr, "encode refuses a reranker", vectors)
    other = trident("rerank", ROOT / "tests/golden/models/bert-dense-old/model", "-i", folder / "one.jsonl")
    check(other.returncode == 1 and "no cross-encoder" in other.stderr, "rerank refuses an encoder", other)


def check_sqlite_cache(folder):
    rng = random.Random(3)
    source = write(folder / "in.jsonl", [{"query": f"{QUERY} {i}", "passages": passages(10, rng)} for i in range(8)])
    cache, plain = folder / "scores.db", trident("rerank", MODEL, "-i", source, "-q").stdout
    for said in ("0 of 80 pairs", "80 of 80 pairs"):
        run = trident("rerank", MODEL, "-i", source, "--cache", cache)
        check(run.returncode == 0 and run.stdout == plain and said + " came from the cache" in run.stderr, "SQLite cache: " + said, run)
    run = trident("rerank", MODEL, "-i", source, "--cache", cache, "--activation", "sigmoid")
    check("80 of 80" in run.stderr, "the activation is not part of the key", run)
    for words in (("--max-length", "20"), ("--query-max", "3"), ("--cut", "passage"), ("--precision", "bf16")):
        run = trident("rerank", MODEL, "-i", source, "--cache", cache, *words)
        check(run.returncode == 0 and "0 of 80" in run.stderr, "another key: " + " ".join(words), run)
    shifted = [{"query": "a_b", "passages": [{"id": 0, "text": "c"}]}, {"query": "a", "passages": [{"id": 0, "text": "b_c"}]}]
    trident("rerank", MODEL, "-i", write(folder / "a.jsonl", shifted[:1]), "--cache", cache)
    run = trident("rerank", MODEL, "-i", write(folder / "b.jsonl", shifted[1:]), "--cache", cache)
    check("0 of 1" in run.stderr, "texts that join alike are two pairs", run)
    both = [subprocess.Popen([str(TRIDENT), "rerank", str(MODEL), "-i", str(source), "--cache", str(folder / "shared.db"), "--batch", "4", "-q"],
                             stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outs = [p.communicate()[0] for p in both]
    check(outs == [plain, plain] and all(p.returncode == 0 for p in both), "two processes share a cache")
    (folder / "text.db").write_text("this is no database, only a text that is longer than one page header of SQLite would be\n" * 20)
    run = trident("rerank", MODEL, "-i", source, "--cache", folder / "text.db")
    check(run.returncode == 1 and "text.db" in run.stderr, "a file that is no database is refused", run)
    alien = sqlite3.connect(folder / "alien.db")
    alien.execute("CREATE TABLE t (x)")
    alien.close()
    run = trident("rerank", MODEL, "-i", source, "--cache", folder / "alien.db")
    check(run.returncode == 1 and "another program" in run.stderr, "another program's database is refused", run)
    newer = sqlite3.connect(cache)
    newer.execute("PRAGMA user_version = 7")
    newer.close()
    run = trident("rerank", MODEL, "-i", source, "--cache", cache)
    check(run.returncode == 1 and "version 7" in run.stderr and "another --cache" in run.stderr, "a cache of a newer form is refused", run)
    run = trident("rerank", MODEL, "-i", source, "--cache", "")
    check(run.returncode == 1 and "score cache" in run.stderr, "a cache without a name is refused", run)
    run = trident("rerank", MODEL, "-i", source, "--cache", folder / "none/scores.db")
    check(run.returncode == 1 and "another --cache" in run.stderr, "a cache in no folder: the remedy is named", run)


def key(query, passage):
    return hashlib.md5(f"{query}_{passage}".encode()).hexdigest()


def check_json_cache(folder):
    rng = random.Random(4)
    texts = passages(6, rng)
    source = write(folder / "in.jsonl", [{"query": QUERY, "passages": texts}])
    cache = folder / "rerank_cache.json"
    cache.write_text(json.dumps({key(QUERY, texts[3]["text"]): 123.5}))
    run = trident("rerank", MODEL, "-i", source, "--cache", cache)
    first = json.loads(run.stdout)[0]["ranked_passages"][0]
    check(run.returncode == 0 and first == {"id": "p3", "score": 123.5} and "1 of 6 pairs" in run.stderr, "a score from the script's cache is taken", run)
    kept = json.loads(cache.read_text())
    check(set(kept) == {key(QUERY, t["text"]) for t in texts} and not list(folder.glob("*.log")), "and the others are in it, by their md5", kept)
    again = trident("rerank", MODEL, "-i", source, "--cache", cache)
    check(again.stdout == run.stdout and "6 of 6" in again.stderr, "a second run takes all", again)
    logits = trident("rerank", MODEL, "-i", source, "--cache", cache, "--activation", "sigmoid", "-o", folder / "no.json")
    check(logits.returncode == 1 and "not a sigmoid's" in logits.stderr and not (folder / "no.json").exists(),
          "logits are not taken for sigmoids", logits)
    alike = [{"query": QUERY, "passages": [{"id": i, "text": t} for i, t in enumerate((w, w + " ", " " + w, w + "  "))]} for w in WORDS]
    plain = json.loads(trident("rerank", MODEL, "-i", write(folder / "alike.jsonl", alike), "-q", "--activation", "sigmoid").stdout)
    cache.write_text(json.dumps({key(QUERY, row["passages"][2]["text"]): got["ranked_passages"][2]["score"] for row, got in zip(alike, plain)}))
    mixed = trident("rerank", MODEL, "-i", folder / "alike.jsonl", "--cache", cache, "--activation", "sigmoid")
    check(f"{len(WORDS)} of {4 * len(WORDS)}" in mixed.stderr and json.loads(mixed.stdout) == plain, "ties stay in input order, kept or computed", mixed)
    cache.write_text(json.dumps({key(QUERY, texts[3]["text"]): 1e300}))
    huge = trident("rerank", MODEL, "-i", source, "--cache", cache)
    check(huge.returncode == 1 and "too large" in huge.stderr, "a score that is no float is refused", huge)
    cache.write_text("[1, 2]")
    bad = trident("rerank", MODEL, "-i", source, "--cache", cache)
    check(bad.returncode == 1 and "rerank_cache.json" in bad.stderr and cache.read_text() == "[1, 2]", "a file of another form is refused and left", bad)


def kill_often(folder, name, count):
    """Runs that are killed at random moments, then one that is not: the same bytes, and nothing that was kept is done again."""
    rng = random.Random(5)
    write(folder / "none.jsonl", [])
    source = write(folder / "many.jsonl", [{"query": f"{QUERY} {i}", "passages": passages(40, rng, 40)} for i in range(200)])
    plain, out, cache = folder / "plain.json", folder / "killed.json", folder / name
    base = [str(TRIDENT), "rerank", str(MODEL), "-i", str(source), "-q", "--batch", "1"]
    began = time.monotonic()
    subprocess.run([*base, "-o", str(plain)], check=True)
    whole = time.monotonic() - began
    began = time.monotonic()
    subprocess.run([*base[:4], str(folder / "none.jsonl"), "-q"], input="", stdout=subprocess.DEVNULL)
    start = time.monotonic() - began + whole / 20  # a process, and the texts of a window
    kept, grew, early = 0, 0, 0
    for _ in range(50):
        run = subprocess.Popen([*base, "-o", str(out), "--cache", str(cache)], stdout=subprocess.DEVNULL)
        time.sleep(start + rng.uniform(0, whole / 20))
        run.send_signal(signal.SIGKILL)
        if run.wait() == 0 or out.exists() and out.read_bytes() == plain.read_bytes():  # a slow machine's moment was a fast one's end
            kept = 8000
            break
        early += out.exists()
        now = count(cache)
        grew += now > kept
        kept = now
    last = subprocess.run([arg for arg in base if arg != "-q"] + ["-o", str(out), "--cache", str(cache)], capture_output=True, text=True)
    check(last.returncode == 0 and out.read_bytes() == plain.read_bytes(), f"{name}: after kills the same bytes", last)
    check(early == 0 and grew > 10, f"{name}: every run went on where the last was killed", (early, grew, kept))
    check(f"{kept} of 8000 pairs came from the cache" in last.stderr, f"{name}: what was kept is not done again", (kept, last.stderr))


def rows_of(cache):
    if not cache.exists():
        return 0
    db = sqlite3.connect(cache)
    try:
        return db.execute("SELECT count(*) FROM scores").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def lines_of(cache):
    log = cache.with_name(cache.name + ".log")
    return log.read_bytes().count(b"\n") if log.exists() else 0


def check_int8(folder):
    rng = random.Random(6)
    model = folder / "model"
    shutil.copytree(MODEL, model)
    source = write(folder / "pairs.jsonl", [{"query": " ".join(rng.choices(WORDS, k=4)), "passages": passages(10, rng)} for _ in range(30)])
    made = trident("export", "packed", model, "--precision", "int8", "--calibrate", source, "--json")
    facts = json.loads(made.stdout or "{}")
    losses = {loss["name"]: loss["value"] for loss in facts.get("calibration", {}).get("losses", [])}
    check(made.returncode == 0 and "300 of the 300 pairs" in made.stderr and set(losses) == {"order_kept", "score_moved"} and facts["within"],
          "int8 is calibrated on rerank's lines, and its order measured", made)
    f32, int8 = (json.loads(trident("rerank", model, "-i", source, "-q", "--precision", p).stdout) for p in ("f32", "int8"))
    gap = max(abs(a["score"] - b["score"]) for x, y in zip(f32, int8)
              for a, b in zip(*(sorted(r["ranked_passages"], key=lambda p: p["id"]) for r in (x, y))))
    check(0 < gap < 0.5, "int8's logits are near", gap)
    texts = trident("export", "packed", model, "--precision", "int8", "--calibrate", write(folder / "t.jsonl", [{"text": "limu"}] * 20), "--force")
    check(texts.returncode == 1 and "pairs" in texts.stderr, "single texts are refused", texts)
    bf16 = trident("export", "packed", model, "--precision", "bf16")
    check(bf16.returncode == 0 and trident("rerank", model, "-i", source, "-q", "--precision", "bf16").returncode == 0, "a packed bf16 reranker", bf16)


def check_real_int8(folder):
    """small-rerank, calibrated on the demonstration's questions: the order of its reference pairs is kept."""
    real = pathlib.Path(REAL_CACHE) / "trident/models/small-rerank"
    if not real.is_dir():
        return skip("int8 of small-rerank", "it is not here: trident pull small-rerank")
    model = folder / "model"
    model.mkdir()
    for file in real.iterdir():
        if file.suffix != ".packed":
            (model / file.name).symlink_to(file)
    data = ROOT / "data/xquad-demo"
    texts = [json.loads(line)["text"] for name in ("zh", "en", "ar") for line in (data / f"corpus.{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = [json.loads(line)["text"] for name in ("zh", "en", "ar") for line in (data / f"queries.{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    rng = random.Random(7)
    source = write(folder / "pairs.jsonl", [{"query": rng.choice(asked), "passages": [{"text": t} for t in rng.sample(texts, 3)]} for _ in range(40)])
    made = trident("export", "packed", model, "--precision", "int8", "--calibrate", source)
    check(made.returncode == 0, "int8 of small-rerank meets its bars", made)
    pairs = json.loads((ROOT / "tests/golden/small-rerank/reference.json").read_text(encoding="utf-8"))["pairs"]
    rows = [{"query": p["query"], "passages": [{"id": i, "text": p["passage"]}]} for i, p in enumerate(pairs)]
    run = trident("rerank", model, "-i", write(folder / "reference.jsonl", rows), "-q", "--precision", "int8", "--activation", "none")
    got = [row["ranked_passages"][0]["score"] for row in json.loads(run.stdout or "[]")]
    wrong = [(i, j) for i, p in enumerate(pairs) for j, q in enumerate(pairs) if p["logit"] > q["logit"] + 0.3 and not got[i] > got[j]]
    check(len(got) == len(pairs) and not wrong, "int8 keeps the order of the reference pairs", (wrong, got))


def check_search(folder):
    corpus = write(folder / "corpus.jsonl", [{"_id": f"d{i}", "text": " ".join(random.Random(i).choices(WORDS, k=9))} for i in range(30)])
    queries = write(folder / "queries.jsonl", [{"_id": "q1", "text": "limu hati"}, {"_id": "q2", "text": "куко vede"}])
    encoder = ROOT / "tests/golden/models/bert-dense-old/model"
    index = folder / "corpus.index"
    trident("index", encoder, corpus, "-o", index, "-q")
    first = [json.loads(x) for x in trident("search", index, queries, "-k", "10", "-q").stdout.splitlines()]
    run = trident("search", index, queries, "-k", "4", "--rerank", MODEL, "--rerank-top", "10", "-q")
    got = [json.loads(x) for x in run.stdout.splitlines()]
    places = [(q, r) for q in ("q1", "q2") for r in range(1, 5)]
    check(run.returncode == 0 and [(h["qid"], h["rank"]) for h in got] == places, "search --rerank: k hits of each", run)
    texts = {json.loads(x)["_id"]: json.loads(x)["text"] for x in corpus.read_text().splitlines()}
    for qid, query in (("q1", "limu hati"), ("q2", "куко vede")):
        pool = [h["id"] for h in first if h["qid"] == qid]
        scores = scores_of(folder, query, [texts[i] for i in pool])
        want = [pool[i] for i in sorted(range(10), key=lambda i: (-scores[i], i))][:4]
        check([h["id"] for h in got if h["qid"] == qid] == want, f"search --rerank: {qid} in the cross-encoder's order", (want, got))
    wrong = trident("search", index, queries, "--rerank", encoder)
    check(wrong.returncode == 1 and "no cross-encoder" in wrong.stderr, "search --rerank refuses an encoder", wrong)
    missing = trident("search", index, queries, "--rerank", "no-such-model")
    check(missing.returncode == 1 and "no-such-model" in missing.stderr, "search --rerank: a model that is not there", missing)


def main():
    for part in (check_submission, check_scores, check_cuts, check_bad_input, check_sqlite_cache, check_json_cache, check_int8, check_real_int8,
                 check_search):
        with tempfile.TemporaryDirectory() as folder:
            part(pathlib.Path(folder))
    for name, count in (("scores.db", rows_of), ("rerank_cache.json", lines_of)):
        with tempfile.TemporaryDirectory() as folder:
            kill_often(pathlib.Path(folder), name, count)
    return plan()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_eval_command.py: `trident eval` and `trident fuse` as a script would use them.

Figures against the golden cases (those of the repository, and the full set where $TRI_SHARED has it), paired tests against
numerical integration of Student's density, fusion against its formulas in a few lines of Python on random runs; words and exit
codes of what goes wrong. Standard library only."""
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIDENT = pathlib.Path(os.environ.get("TRI_BUILD", ROOT / "build")) / "trident"
SHARED = pathlib.Path(os.environ.get("TRI_SHARED", ROOT.parent / "shared")) / "golden" / "eval"
OURS = ROOT / "tests" / "golden" / "eval"
TOLERANCE = 1e-9  # the contract with trec_eval

tests = []


def test(function):
    tests.append(function)
    return function


class Skip(Exception):
    pass


def trident(*args, expect=0, stdin=None):
    done = subprocess.run([str(TRIDENT), *map(str, args)], capture_output=True, text=True, input=stdin)
    assert done.returncode == expect, f"{args}: exit {done.returncode}, {done.stderr}"
    return done


def report(*args):
    return json.loads(trident("eval", *args, "--json").stdout)


def compare(got, expected, what):
    for name, value in expected.items():
        assert abs(got[name] - value) <= TOLERANCE, f"{what} {name}: {got[name]!r}, expected {value!r}"


def check_case(folder):
    expected = json.loads((folder / "expected.json").read_text())
    qrels, run = folder / "qrels.txt", folder / "run.txt"
    names = ",".join(expected["all"])
    whole = report(qrels, run, "--metrics", names, "--per-query")[str(run)]
    assert set(whole["metrics"]) == set(expected["all"])
    compare(whole["metrics"], expected["all_complete"], folder.name)
    for query, values in expected["per_query"].items():
        compare(whole["per_query"][query], values, f"{folder.name} {query}")
    present = report(qrels, run, "--metrics", names, "--per-query", "--no-complete")[str(run)]
    compare(present["metrics"], expected["all"], folder.name + " --no-complete")
    assert set(present["per_query"]) == set(expected["per_query"])
    compare(report(qrels, run, "--metrics", "all")[str(run)]["metrics"], expected["all_complete"], folder.name + " all")


@test
def golden_cases_of_the_repository():
    for folder in sorted(f for f in OURS.iterdir() if f.is_dir()):
        check_case(folder)


@test
def golden_cases_in_full():
    if not SHARED.is_dir():
        raise Skip("shared reference sets are not here")
    folders = sorted(f for f in SHARED.iterdir() if (f / "expected.json").is_file())
    assert len(folders) >= 7
    for folder in folders:
        check_case(folder)


@test
def metrics_are_keyed_as_asked_for():
    qrels, run = OURS / "ties" / "qrels.txt", OURS / "ties" / "run.txt"
    expected = json.loads((OURS / "ties" / "expected.json").read_text())["all_complete"]
    pairs = {"ndcg@10": "ndcg_cut_10", "recall@100": "recall_100", "mrr": "recip_rank", "map": "map", "p@5": "P_5",
             "success@1": "success_1", "rprec": "Rprec", "bpref": "bpref", "map@10": "map_cut_10"}
    got = report(qrels, run, "--metrics", ",".join(pairs))[str(run)]["metrics"]
    assert list(got) == list(pairs)
    compare(got, {ours: expected[theirs] for ours, theirs in pairs.items()}, "ties")
    default = report(qrels, run)[str(run)]
    assert list(default) == ["metrics"] and list(default["metrics"]) == list(pairs)[:8]


@test
def tables_for_reading(folder):
    qrels, run = OURS / "ties" / "qrels.txt", OURS / "ties" / "run.txt"
    other = folder / "文 run"
    other.write_text((OURS / "holes" / "run.txt").read_text())
    lines = trident("eval", qrels, run, other, "--metrics", "ndcg@10,num_q").stdout.splitlines()
    assert lines[0].split() == ["run", "ndcg@10", "num_q"] and len(lines) == 3
    assert lines[1].split()[0] == str(run) and lines[1].split()[-1] == "40"
    lines = trident("eval", qrels, run, "--metrics", "all").stdout.splitlines()
    assert lines[0].split() == ["metric", str(run)] and len(lines) > 100
    lines = trident("eval", qrels, run, "--per-query", "--metrics", "map").stdout.splitlines()
    assert len(lines) == 42 and lines[-1].split()[1] == "all"


def student_p(t, freedom):
    """2 P(T > |t|) by Simpson's rule over the density up to |t|"""
    norm = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    n, t = 20000, abs(t)
    step = t / n
    total = sum((1 if i in (0, n) else 4 if i % 2 else 2) * (1 + (i * step) ** 2 / freedom) ** (-(freedom + 1) / 2)
                for i in range(n + 1))
    return 1 - 2 * norm * total * step / 3


@test
def paired_tests(folder):
    qrels, run, base = OURS / "ties" / "qrels.txt", OURS / "ties" / "run.txt", folder / "base.run"
    rng = random.Random(3)
    lines = [line.split() for line in run.read_text().splitlines()]
    base.write_text("".join(f"{q} Q0 {d} 1 {float(s) + rng.gauss(0, 0.15)} b\n" for q, _, d, _, s, _ in lines))
    args = (qrels, run, "--metrics", "ndcg@10,map", "--per-query", "--test", base)
    got = report(*args)[str(run)]
    theirs = report(qrels, base, "--metrics", "ndcg@10,map", "--per-query")[str(base)]
    for name in ("ndcg@10", "map"):
        d = [got["per_query"][q][name] - theirs["per_query"][q][name] for q in got["per_query"]]
        mean = sum(d) / len(d)
        std = math.sqrt(sum((x - mean) ** 2 for x in d) / (len(d) - 1))
        seen = got["tests"][name]
        assert set(seen) == {"diff", "effect", "p_t", "p_rand", "n"} and seen["n"] == 40
        assert abs(seen["diff"] - mean) < 1e-15 and abs(seen["effect"] - mean / std) < 1e-12
        assert abs(seen["diff"] - (got["metrics"][name] - theirs["metrics"][name])) < 1e-14
        assert abs(seen["p_t"] - student_p(mean / std * math.sqrt(len(d)), len(d) - 1)) < 1e-9
        # the randomisation test is close to the t test at n = 40; 0.03 is far more than its sampling error of 0.0016
        assert abs(seen["p_rand"] - seen["p_t"]) < 0.03 and seen["p_rand"] >= 1 / 100001
    assert report(*args)[str(run)]["tests"] == got["tests"], "the same files give the same p"
    own = report(qrels, run, "--metrics", "map", "--test", run)[str(run)]["tests"]["map"]
    assert own == {"diff": 0, "effect": 0, "p_t": 1, "p_rand": 1, "n": 40}
    table = trident("eval", *args).stdout
    assert f"against {base}" in table and "p (t)" in table


# ---- fusion -----------------------------------------------------------------------------------------------------------------


def read_run(text):
    out = {}
    for line in text.splitlines():
        query, q0, doc, rank, score, tag = line.split()
        assert (q0, tag) == ("Q0", "trident")
        out.setdefault(query, []).append((doc, float(score), int(rank)))
    return out


def scale(norm, scores, zeros):
    """the map that a list's scores, and `zeros` more of 0, define"""
    both = scores + [0.0] * zeros
    low, high, mean = min(both), max(both), sum(both) / len(both)
    squares = sum((s - mean) ** 2 for s in both)
    if norm == "none":
        return lambda s: s
    if low == high:
        return lambda s: {"minmax": 1.0, "zscore": 0.0, "dbsf": 0.5}[norm]
    if norm == "minmax":
        return lambda s: (s - low) / (high - low)
    if norm == "zscore":
        return lambda s: (s - mean) / math.sqrt(squares / len(both))
    three = 3 * math.sqrt(squares / (len(both) - 1))
    return lambda s: (s - mean + three) / (2 * three)


def fuse(lists, method, norm, weights, k, base, missing):
    norm = "dbsf" if method == "dbsf" else norm or {"combsum": "minmax", "combmnz": "minmax"}.get(method, "none")
    union = set().union(*lists)
    score, count = dict.fromkeys(union, 0.0), dict.fromkeys(union, 0)
    for found, weight in zip(lists, weights):
        if not found:
            continue
        zeros = len(union) - len(found) if missing == "zero" else 0
        ordered = sorted(found.items(), key=lambda hit: (-hit[1], hit[0]))
        to_scale = scale(norm, [s for _, s in ordered], zeros)
        for rank, (doc, s) in enumerate(ordered):
            count[doc] += 1
            score[doc] += weight / (k + base + rank) if method == "rrf" else weight * to_scale(s)
        if zeros and method != "rrf":
            for doc in union - set(found):
                score[doc] += weight * to_scale(0.0)
    return {doc: s * (count[doc] if method == "combmnz" else 1) for doc, s in score.items()}


def random_run(rng, queries, docs):
    run = {}
    for query in queries:
        if rng.random() < 0.85:
            draw = rng.choice([lambda: rng.gauss(0, 1), lambda: rng.randint(0, 3), lambda: 0.5])
            run[query] = {doc: draw() for doc in rng.sample(docs, rng.randint(1, len(docs)))}
    return run or {queries[0]: {docs[0]: 1.0}}


@test
def fusion_follows_its_formulas(folder):
    rng = random.Random(5)
    for _ in range(150):
        queries = [f"q{i}" for i in range(rng.choice([1, 2, 5]))]
        docs = [rng.choice(["d%d", "文%d", "Z%d"]) % i for i in range(rng.choice([1, 3, 20, 100]))]
        runs = [random_run(rng, queries, docs) for _ in range(rng.choice([2, 3, 4]))]
        paths = []
        for i, run in enumerate(runs):
            lines = [f"{q} Q0 {d} 7 {s!r} x\n" for q in run for d, s in run[q].items()]
            rng.shuffle(lines)
            paths.append(folder / f"run{i}")
            paths[-1].write_text("".join(lines))
        method = rng.choice(["rrf", "weighted", "combsum", "combmnz", "dbsf"])
        norm, missing = rng.choice([None, "none", "minmax", "zscore"]), rng.choice(["none", "zero"])
        k, base = rng.choice([1, 60, 2.5]), rng.choice([0, 1])
        weights = rng.choice([None, [rng.choice([0.4, 0.2, 1, 0, 2]) for _ in runs]])
        args = ["--method", method, "--missing", missing, "--rrf-k", k, "--rrf-base", base]
        args += ["--norm", norm] if norm else []
        args += ["--weights", ",".join(map(str, weights))] if weights else []
        got = read_run(trident("fuse", *paths, *args).stdout)
        assert set(got) == set().union(*runs)
        for query, hits in got.items():
            want = fuse([run.get(query, {}) for run in runs], method, norm, weights or [1] * len(runs), k, base, missing)
            assert {doc for doc, _, _ in hits} == set(want)
            for doc, score, _ in hits:  # a float32 and its shortest decimal are off by half a step each: 2^-24
                assert abs(score - want[doc]) <= 1.3e-7 * max(1, abs(want[doc])), (args, query, doc, score, want[doc])
            assert [rank for _, _, rank in hits] == list(range(1, len(hits) + 1))
            assert hits == sorted(hits, key=lambda hit: (-hit[1], hit[0])), "score descending, then id ascending"


@test
def fusion_of_three_with_presets(folder):
    for i, score in enumerate((1, 10, 100)):
        (folder / f"r{i}").write_text(f"q Q0 d 1 {score} x\n")
    runs = [folder / f"r{i}" for i in range(3)]
    for preset, expected in (("mkqa", 1 + 3 + 100), ("mldr", 0.15 + 5 + 35)):
        line = trident("fuse", *runs, "--method", "weighted", "--weights", preset).stdout.split()
        assert line[:4] == ["q", "Q0", "d", "1"] and abs(float(line[4]) - expected) < 1e-5
    assert "--weights" in trident("fuse", *runs[:2], "--weights", "mkqa", expect=2).stderr
    assert "--weights" in trident("fuse", *runs, "--weights", "1,2", expect=2).stderr
    default = trident("fuse", *runs).stdout
    assert default == f"q Q0 d 1 {3 / 60} trident\n", "rrf, k 60, ranks from 0"


# ---- what goes wrong --------------------------------------------------------------------------------------------------------


def one_line(done, *words):
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, f"no {word!r} in {done.stderr!r}"


@test
def bad_input_is_named(folder):
    qrels, run = OURS / "ties" / "qrels.txt", OURS / "ties" / "run.txt"
    one_line(trident("eval", qrels, run, "--metrics", "ndcg@10,foo", expect=1), '"foo"', "ndcg@k", "iprec_at_recall", "set_F")
    one_line(trident("eval", qrels, folder / "none", expect=1), "none")
    one_line(trident("eval", qrels, folder, expect=1), str(folder))
    one_line(trident("eval", run, run, expect=1), "line 1", "columns of a run")
    one_line(trident("eval", qrels, expect=2))
    one_line(trident("eval", qrels, run, run, expect=2), "twice")
    one_line(trident("fuse", run, expect=2))
    one_line(trident("fuse", run, run, "--method", "borda", expect=2), "borda")
    one_line(trident("fuse", run, run, "--rrf-k", "0", expect=2), "--rrf-k")
    (folder / "empty").write_text("")
    one_line(trident("eval", qrels, folder / "empty", expect=1), "empty", "no lines")
    (folder / "nan").write_text("q Q0 a 1 1 t\nq Q0 b 2 nan t\n")
    one_line(trident("fuse", run, folder / "nan", "-o", folder / "out", expect=1), "line 2", "nan")
    (folder / "twice").write_text("q Q0 a 1 1 t\nq Q0 b 2 1 t\nq Q0 a 3 1 t\n")
    one_line(trident("fuse", run, folder / "twice", "-o", folder / "out", expect=1), "lines 1 and 3", '"a"')
    assert not (folder / "out").exists() and not list(folder.glob("out*")), "no output after a failure"


@test
def queries_that_do_not_meet_are_told(folder):
    holes = OURS / "holes"
    done = trident("eval", holes / "qrels.txt", holes / "run.txt")
    assert "7 of the 30 judged queries" in done.stderr and "counted as zero" in done.stderr
    assert "1 of its 24 queries" in done.stderr
    assert trident("eval", holes / "qrels.txt", holes / "run.txt", "-q").stderr == ""


@test
def standard_input_and_beir_form(folder):
    qrels, run = OURS / "holes" / "qrels.txt", OURS / "holes" / "run.txt"
    plain = report(qrels, run)[str(run)]
    piped = json.loads(trident("eval", qrels, "-", "--json", stdin=run.read_text()).stdout)["-"]
    tsv, judged = folder / "run.tsv", folder / "qrels.tsv"
    rows = [line.split() for line in run.read_text().splitlines()]
    tsv.write_bytes(("\ufeffquery-id\tcorpus-id\tscore\r\n" + "".join(f"{r[0]}\t{r[2]}\t{r[4]}\r\n" for r in rows)).encode())
    rows = [line.split() for line in qrels.read_text().splitlines()]
    judged.write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{r[0]}\t{r[2]}\t{r[3]}\n" for r in rows))
    assert plain == piped == report(judged, tsv)[str(tsv)]


@test
def fused_runs_round_trip(folder):
    run = OURS / "float32" / "run.txt"
    trident("fuse", run, run, "--method", "weighted", "--weights", "1,0", "-o", folder / "once")
    trident("fuse", folder / "once", folder / "once", "--method", "weighted", "--weights", "1,0", "-o", folder / "again")
    assert (folder / "once").read_bytes() == (folder / "again").read_bytes()
    for query, hits in read_run((folder / "once").read_text()).items():
        for _, score, _ in hits:
            assert score == float(repr(score)) and struct.unpack("f", struct.pack("f", score))[0] != math.inf


@test
def every_registry_entry_has_a_file_and_a_page():
    page = (ROOT / "docs" / "metrics.md").read_text()
    for room, kind, registry in (("eval", "metric", "METRIC"), ("search", "fuse", "FUSE")):
        files = {f.stem[len(kind) + 1:] for f in (ROOT / "src" / room).glob(kind + "_*.c")}
        lines = (ROOT / "src" / room / "list.h").read_text().splitlines()
        assert {line[len(registry) + 1:-1] for line in lines if line.startswith(registry + "(")} == files
        for name in files:
            assert f"{kind}_{name}.c" in page, f"{kind}_{name}.c is not in docs/metrics.md"
    hint = trident("eval", OURS / "ties" / "qrels.txt", OURS / "ties" / "run.txt", "--metrics", "?", expect=1).stderr
    for name in hint.split("known: ")[1].strip().split(", "):
        assert f"`{name}`" in page, f"{name} is not in docs/metrics.md"


def main():
    failed = 0
    if not TRIDENT.is_file():
        print(f"not ok 1 - {TRIDENT} is not built")
        return 1
    for number, function in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            name = function.__name__.replace("_", " ")
            try:
                function(pathlib.Path(folder)) if function.__code__.co_argcount else function()
                print(f"ok {number} - {name}")
            except Skip as why:
                print(f"ok {number} - {name} # SKIP {why}")
            except Exception as error:
                failed += 1
                print(f"not ok {number} - {name}\n# {type(error).__name__}: {error}")
    print(f"1..{len(tests)}")
    return 1 if failed else 0


sys.exit(main())

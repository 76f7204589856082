#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_run.py: does `trident run` keep its word: one folder, log, config and status a version; shared indexes; blends; hooks; a queue
over devices; money and deadlines that stop work in time; and after kill -9 at 50 random moments the same bytes, one batch repeated."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from tap import ROOT, TRIDENT, check, plan, skip, trident

REAL = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "trident/models"
DATA = ROOT / "data/xquad-demo"
TINY = ROOT / "tests/golden/models/bert-dense-old/model"  # an encoder of a few kilobytes, dense alone
RERANKER = ROOT / "tests/golden/models/bert-ce-identity/model"
WORDS = "fage рилада limu vede куко лилу besa hati cudu lipi puzafe лонони забе muforeco cohediru".split()


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def toy_data(folder, n_docs=60, n_queries=40, words=20):
    rng = random.Random(7)
    write_jsonl(folder / "corpus.jsonl", [{"_id": f"d{i}", "text": " ".join(rng.choices(WORDS, k=words))} for i in range(n_docs)])
    write_jsonl(folder / "queries.jsonl", [{"_id": f"q{i}", "text": " ".join(rng.choices(WORDS, k=4))} for i in range(n_queries)])
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(n_queries)))


def write_plan(folder, versions, top="", name="plan.yaml"):
    text = f"name: toy\ndata: {{corpus: corpus.jsonl, queries: queries.jsonl, qrels: qrels.tsv}}\nmodel: {TINY}\ntop: 10\n{top}versions:\n"
    (folder / name).write_text(text + "".join(f"  {key}: {json.dumps(value)}\n" for key, value in versions.items()))
    return folder / name


def status_of(folder, version):
    return json.loads((folder / version / "status.json").read_text())


def view_of(folder):
    return json.loads(trident("run", "status", folder, "--json").stdout)


def check_versions(folder):
    toy_data(folder)
    shutil.copy(folder / "corpus.jsonl", folder / "unused.jsonl")
    given = folder / "given.trec"
    given.write_text("".join(f"q{i} Q0 d{i} 1 1.0 bm25\n" for i in range(40)))
    sha = hashlib.sha256(given.read_bytes()).hexdigest()
    versions = {
        "v1": {"heads": "dense", "port": 8001, "env": {"WHO": "it's me"}, "hooks": {"on_done": "echo $TRIDENT_VERSION $TRIDENT_SUBMISSION > hooked"}},
        "v1b": {"heads": "dense", "top": 5},
        "v2": {"heads": "dense", "max_length": 8},
        "v4": {"heads": "dense", "train": {"epochs": 5}},
        "v5": {"heads": "dense", "serve": True},
        "v6": {"model": "no-such-model", "hooks": {"on_fail": "echo failed:$TRIDENT_VERSION:$TRIDENT_STATE >> failed"}},
        "v7": {"rerank": str(RERANKER), "rerank_top": 5},
        "bm25": {"run": "given.trec", "sha256": sha},
        "wrong": {"run": "given.trec", "sha256": "0" * 64},
        "best": {"blend": ["v1", "bm25"], "method": "weighted", "weights": [1, 0.5], "norm": "minmax"},
        "worse": {"blend": ["v1", "v6"]}}
    source = write_plan(folder, versions, "metrics: [ndcg@10, recall@5]\nhooks: {on_fail: 'echo plan:$TRIDENT_STATE > planned'}\ndevices: [cpu, cpu]\n")
    run = subprocess.run([str(TRIDENT), "run", str(source), "--out", str(folder / "out")], capture_output=True, text=True, cwd=folder)
    out = folder / "out"
    states = {v: status_of(out, v)["state"] for v in versions}
    want = {v: "failed" if v in ("v4", "v5", "v6", "wrong", "worse") else "done" for v in versions}
    check(run.returncode == 1 and states == want, "a version that fails does not stop the others", (run.stderr, states))
    check("3 versions (v1, v1b, v7), 1 pass" in run.stderr and len(list(out.glob("index-*.job"))) == 3,
          "equal model, precision and length: one index, one pass",
          run.stderr)
    check("train" in status_of(out, "v4")["error"] and "serve" in status_of(out, "v5")["error"], "train and serve are refused by name")
    check("no-such-model" in status_of(out, "v6")["error"] or "index" in status_of(out, "v6")["error"], "why it failed", status_of(out, "v6"))
    check((folder / "failed").read_text() == "failed:v6:failed\n" and (folder / "planned").read_text() == "plan:failed\n",
          "on_fail of a version and of the plan")
    check((folder / "hooked").read_text() == f"v1 {out.resolve()}/v1/run.trec\n", "on_done has the submission's name")
    check(sha in status_of(out, "wrong")["error"], "a given run of another SHA-256 is refused", status_of(out, "wrong")["error"])
    by_hand = folder / "hand.trec"
    trident("fuse", out / "v1/run.trec", given, "--method", "weighted", "--norm", "minmax", "--weights", "1,0.5", "-o", by_hand)
    check(by_hand.read_bytes() == (out / "best/run.trec").read_bytes(), "a blend is what trident fuse makes of the same runs")
    line = [x for x in (out / "v1/log.txt").read_text().splitlines() if x.startswith("$ ") and " search " in x][0]
    check("WHO='it'\\''s me'" in line, "the version's environment stands in its log", line)
    again = line[2:].replace(str(out.resolve() / "v1/run.trec"), str(folder / "again.trec")).replace(" trident ", f" {TRIDENT} ", 1)
    redone = subprocess.run(["sh", "-c", again], capture_output=True, text=True)
    check((folder / "again.trec").exists() and (folder / "again.trec").read_bytes() == (out / "v1/run.trec").read_bytes(),
          "the log's line makes the run again", redone)
    config = json.loads((out / "v7/config.json").read_text())
    check(config["model"] == str(TINY) and config["rerank_top"] == 5 and config["top"] == 10
          and config["data"]["corpus"] == str(folder.resolve() / "corpus.jsonl")
          and json.loads((out / "v1/config.json").read_text())["port"] == 8001, "config.json has the version's settings, defaults too", config)
    metrics = json.loads((out / "v1/metrics.json").read_text())
    same = json.loads(trident("eval", folder / "qrels.tsv", out / "v1/run.trec", "--json", "--per-query", "--metrics", "ndcg@10,recall@5").stdout)
    check(list(metrics.values()) == list(same.values()), "metrics.json is what trident eval says")
    sums = subprocess.run(["sha256sum", "-c", "manifest.sha256"], cwd=out / "v1", capture_output=True, text=True)
    check(sums.returncode == 0 and "run.trec: OK" in sums.stdout, "sha256sum -c agrees with the manifest", sums)
    (folder / "hooked").unlink()
    before = {p: p.stat().st_mtime_ns for p in out.glob("*/run.trec")}
    second = trident("run", source, "--out", out, "-q", cwd=folder)
    check(second.returncode == 1 and before == {p: p.stat().st_mtime_ns for p in out.glob("*/run.trec")} and not (folder / "hooked").exists(),
          "run again: what is done is not done again, nor its hook", second)
    versions["v1b"]["top"] = 6
    write_plan(folder, versions, "metrics: [map]\ndevices: [cpu]\n")
    third = trident("run", source, "--out", out, "-q", cwd=folder)
    after = {p: p.stat().st_mtime_ns for p in out.glob("*/run.trec")}
    changed = {p.parent.name for p in after if after[p] != before.get(p)}
    check(third.returncode == 1 and changed == {"v1b"} and list(next(iter(json.loads((out / "v1/metrics.json").read_text()).values()))["metrics"]) == ["map"],
          "a changed plan: only the steps that it changes", (changed, third))
    moved = folder / "moved"
    out.rename(moved)
    fourth = trident("run", source, "--out", moved, "-q", cwd=folder)
    check({p.stat().st_mtime_ns for p in moved.glob("*/run.trec")} == set(after.values()), "a folder may be moved", fourth)
    write_jsonl(folder / "corpus.jsonl", [{"_id": "x", "text": "limu"}])
    other = trident("run", source, "--out", moved, cwd=folder)
    check(other.returncode == 1 and "another corpus" in other.stderr, "other data into the same folder are refused", other)


def check_bad_plans(folder):
    toy_data(folder)
    good = {"v1": {"heads": "dense"}}
    cases = [("an unknown key", {"v1": {"heads": "dense", "reranck": "x"}}, "", ":6: unknown key \"reranck\" in version v1", "\"rerank\""),
             ("an unknown key at the top", good, "dealine: 3h\n", ":5: unknown key \"dealine\" in the plan", "\"deadline\""),
             ("a word for a number", {"v1": {"top": "many"}}, "", "top takes a whole number, got \"many\"", ""),
             ("no such choice", {"v1": {"fuse": "borda"}}, "", "fuse is one of weighted|rrf", ""),
             ("heads of another kind", {"v1": {"heads": "dense+colbert"}}, "", "joined by +", ""),
             ("a missing file", {"v1": {"run": "nowhere.trec"}}, "", "there is no file", "nowhere.trec"),
             ("a blend of what is not there", {"v1": {}, "b": {"blend": ["v1", "v9"]}}, "", "does not have: \"v9\"", ""),
             ("a blend of itself", {"v1": {}, "a": {"blend": ["v1", "b"]}, "b": {"blend": ["v1", "a"]}}, "", "blends itself", ""),
             ("weights that do not fit", {"v1": {"heads": "dense+sparse", "weights": [1, 2, 3, 4]}}, "", "do not fit its heads", ""),
             ("a key that means nothing there", {"v1": {"heads": "dense", "method": "rrf"}}, "", "method means nothing to a search", ""),
             ("a name that is no folder", {"../v1": {}}, "", "cannot name a version", ""),
             ("a device that is none", {"v1": {}}, "devices: [gpu]\n", "\"gpu\" is no device", ""),
             ("a device that the plan lacks", {"v1": {"devices": "cuda:3"}}, "devices: [cpu]\n", "asks for a device", ""),
             ("a deadline that is none", good, "deadline: soon\n", "deadline takes a span", ""),
             ("no YAML", good, "a: [1\n", "this is no YAML", ""),
             ("a key twice", good, "top: 5\n", "is there twice", "")]
    for what, versions, top, words, hint in cases:
        run = trident("run", write_plan(folder, versions, top), "--out", folder / "none")
        check(run.returncode == 1 and words in run.stderr and hint in run.stderr and "plan.yaml" in run.stderr and run.stderr.count("\n") == 1
              and not (folder / "none").exists(), what, run)
    source = write_plan(folder, good)
    plan_text = source.read_text()
    for name in ("a/b", "x" * 201):
        source.write_text(plan_text.replace("name: toy", f"name: {name}"))
        run = trident("run", source)
        check(run.returncode == 1 and ":1: name:" in run.stderr and "cannot name a folder" in run.stderr, f"a plan's name {name[:5]}", run)
    source.write_text(plan_text)
    piped = subprocess.run([str(TRIDENT), "run", "-"], input=plan_text, capture_output=True, text=True, cwd=folder)
    check(piped.returncode == 2 and "--out" in piped.stderr and not (folder / "-.run").exists(), "a piped plan needs --out", piped)
    for what, words in (("a budget without a price", ("--budget", "5")), ("a bad price", ("--price", "x")), ("a bad bill", ("--bill", "day")),
                        ("a bad device", ("--devices", "cpu,x")), ("a bad deadline", ("--deadline", "x"))):
        run = trident("run", source, "--out", folder / "none", *words)
        check(run.returncode == 2 and not (folder / "none").exists(), what + " is wrong usage", run)
    none = trident("run", "status", folder)
    check(none.returncode == 1 and "no run's folder" in none.stderr, "status of what is no run", none)


def check_queue(folder):
    """More versions than devices queue; each job has its device; a second runner is refused; status while it runs; SIGTERM."""
    toy_data(folder, 400, 400, 60)
    versions = {f"v{i}": {"heads": "dense", "max_length": 40 + i} for i in range(6)}
    source = write_plan(folder, versions, "devices: [cpu:0, cpu]\ndeadline: 3h\nprice: 36/h\nbudget: 1000\nbill: second\n")
    started = subprocess.Popen([str(TRIDENT), "run", str(source), "--out", str(folder / "q"), "-q"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    most, second, table, devices = 0, None, "", set()
    while started.poll() is None and most < 200:
        time.sleep(0.05)
        if not (folder / "q/sessions.json").exists():
            continue
        view = view_of(folder / "q")
        most = max(most, sum(v["state"] == "running" and v["device"] is not None and v["step"] in ("index", "search")
                             for v in view.get("versions", []) + view.get("indexes", [])))
        devices |= {d["device"] for d in view.get("devices") or [] if d["job"]}
        if second is None and view["state"] == "running" and devices:
            second = trident("run", source, "--out", folder / "q")
            table = trident("run", "status", folder / "q").stdout
    check(started.returncode == 0 and most <= 2, "never more jobs than devices", (started.returncode, most))
    check(second is not None and second.returncode == 1 and "being run already" in second.stderr, "one runner a folder", second)
    check("running" in table and "; deadline in " in table and "of 1000" in table and "cpu:0" in table, "status shows state, deadline, money, devices", table)
    view = view_of(folder / "q")
    check(view["state"] == "done" and 0 < view["money"]["spent"] < 1000 and view["first_start"] > 0 and len(view["devices"]) == 2
          and all(d["tokens_per_second"] > 0 for d in view["devices"]), "and at the end the speed of each device", view)
    log = (folder / "q/v0/log.txt").read_text()
    check("CUDA_VISIBLE_DEVICES=" in log and "--device cpu" in log, "each job is told its devices", log)
    started = subprocess.Popen([str(TRIDENT), "run", str(source), "--out", str(folder / "s")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list((folder / "s").glob("*/progress.json")):
        time.sleep(0.02)
    started.terminate()
    said = started.communicate()[1]
    view = view_of(folder / "s")
    check(started.returncode == 130 and view["state"] == "stopped" and {v["state"] for v in view["versions"]} <= {"stopped", "done"},
          "SIGTERM stops cleanly", (started.returncode, said, view))
    check(trident("run", source, "--out", folder / "s", "-q").returncode == 0
          and all((folder / f"s/v{i}/run.trec").read_bytes() == (folder / f"q/v{i}/run.trec").read_bytes() for i in range(6)), "and goes on to the same bytes")
    view = view_of(folder / "s")
    check(view["starts"] == 2 and view["second_start"] is not None and view["second_start"] < 180, "second start is measured", view["second_start"])


def check_money(folder):
    toy_data(folder, 14000, 200, 80)
    alike = {"v1": {"heads": "dense"}, "v2": {"heads": "dense", "top": 20}}
    source = write_plan(folder, alike, "devices: [cpu]\nbill: second\n")
    free = trident("run", source, "--out", folder / "free", "-q")
    check(free.returncode == 0 and view_of(folder / "free")["money"]["spent"] == 0, "no price, no money", free)
    run = trident("run", source, "--out", folder / "cut", "--budget", "2", "--price", "3600/h")
    view = view_of(folder / "cut")
    check(run.returncode == 1 and view["money"]["spent"] <= view["money"]["budget"] and {v["state"] for v in view["versions"]} == {"stopped"}
          and "budget" in run.stdout, "what runs is stopped before the budget is passed", (run.stdout, run.stderr))
    poor = trident("run", source, "--out", folder / "cut", "--budget", "2", "--price", "3600/h")
    check(poor.returncode == 1 and "does not pay for another second" in poor.stderr, "no money, no start", poor)
    more = trident("run", source, "--out", folder / "cut", "--budget", "1000", "--price", "3600/h", "-q")
    check(more.returncode == 0 and (folder / "cut/v2/run.trec").read_bytes() == (folder / "free/v2/run.trec").read_bytes(), "more money: it goes on", more)
    status = json.loads((next((folder / "cut").glob("index-*.job")) / "status.json").read_text())
    check(status["attempts"] == 2 and 14000 <= status["computed"] <= 14000 + status["batch"] and status["repeated"] <= status["batch"],
          "and repeats nothing but a batch", status)
    toy_data(folder, 100, 50)
    source = write_plan(folder, alike, "devices: [cpu]\nbill: second\n", "small.yaml")
    late = trident("run", source, "--out", folder / "late", "--deadline", "2020-01-01T00:00Z", "-q")
    view = view_of(folder / "late")
    check(late.returncode == 1 and all("deadline has passed" in v["error"] or "needs index" in v["error"] for v in view["versions"]),
          "nothing begins after the deadline", view)
    # forecast: v2's search is like v1's, which was measured; make the measured time long
    partly = folder / "partly"
    write_plan(folder, {"v1": alike["v1"]}, "devices: [cpu]\nbill: second\n", "small.yaml")
    trident("run", source, "--out", partly, "-q")
    path = partly / "v1/status.json"
    status = json.loads(path.read_text())
    status["steps"]["search"]["seconds"] = 5000
    path.write_text(json.dumps(status))
    write_plan(folder, alike, "devices: [cpu]\nbill: minute\n", "small.yaml")
    for words, reason in ((("--deadline", "1h"), "ends after the deadline"), (("--budget", "80", "--price", "60/h"), "of the budget of 80")):
        run = trident("run", source, "--out", partly, *words)
        status = status_of(partly, "v2")
        check(run.returncode == 1 and status["state"] == "stopped" and "forecast of 5000.0 s" in status["error"] and reason in status["error"]
              and status["seconds"] == 0,
              "not begun: its forecast " + reason, status)
    by_submission = trident("run", source, "--out", folder / "sub", "--price", "3/submission", "--budget", "5", "-q")
    view = view_of(folder / "sub")
    check(by_submission.returncode == 1 and view["money"]["spent"] == 3 and sorted(v["state"] for v in view["versions"]) == ["done", "stopped"],
          "billing by submission", view)
    sessions = folder / "sub/sessions.json"
    rows = sqlite3.connect(os.environ["TRIDENT_LEDGER"]).execute("SELECT count(*) FROM sqlite_master").fetchone()
    check(sessions.exists() and rows[0] > 0, "the ledger is written", rows)


def check_submissions(folder):
    """With the organiser's sample: a submission in its form, checked; red ones fail, or are forced with a reason."""
    toy_data(folder, words=5)
    (folder / "sample.csv").write_text("query_id,doc_ids\n" + "".join(f"q{i},d0 d1 d2\n" for i in range(40)))
    top = "metrics: [ndcg@10]\nprice: 2/submission\n"
    said = "echo $TRIDENT_VERSION $TRIDENT_SUBMISSION >> hooked"
    versions = {"v1": {"heads": "dense", "hooks": {"on_done": said}},
                "v2": {"heads": "dense", "max_length": 4, "hooks": {"on_done": said, "on_fail": said}},
                "v3": {"heads": "dense", "max_length": 4, "allow_truncation": True}, "v4": {"heads": "dense", "max_length": 4, "force": "a known cut"},
                "best": {"blend": ["v1", "v3"], "allow_truncation": True}}
    source = write_plan(folder, versions, top)
    source.write_text(source.read_text().replace("qrels: qrels.tsv", "qrels: qrels.tsv, sample: sample.csv"))
    run = subprocess.run([str(TRIDENT), "run", str(source), "--out", str(folder / "out")], capture_output=True, text=True, cwd=folder)
    out = folder / "out"
    states = {v: status_of(out, v)["state"] for v in versions}
    check(run.returncode == 1 and states == {"v1": "done", "v2": "failed", "v3": "done", "v4": "done", "best": "done"},
          "a red check fails its version alone", (states, run.stderr))
    report = json.loads((out / "v2/check.json").read_text())
    check(status_of(out, "v2")["step"] == "check" and "check is red" in status_of(out, "v2")["error"] and not report["ok"]
          and [i["name"] for i in report["items"] if not i["ok"]] == ["truncation"], "and says what is red", report)
    check(json.loads((out / "v1/check.json").read_text())["ok"], "a green one is green")
    lines = (out / "v1/submission.csv").read_text().splitlines()
    check(lines[0] == "query_id,doc_ids" and len(lines) == 41 and len(lines[1].split(",")[1].split()) == 3, "the submission has the sample's form", lines[:2])
    hooked = [line.split()[0] for line in (folder / "hooked").read_text().splitlines()]
    check(sorted(hooked) == ["v1", "v2"] and f"v1 {out.resolve()}/v1/submission.csv" in (folder / "hooked").read_text(),
          "hooks are told the submission", hooked)
    order = [line.split()[2] for line in (out / "v1/log.txt").read_text().splitlines() if line.startswith("$")]
    check(order[-4:-1] == ["submit-format", "check", "hook"], "the hook runs as soon as the submission is out, before the figures", order)
    sums = subprocess.run(["sha256sum", "-c", "manifest.sha256"], cwd=out / "v1", capture_output=True, text=True)
    check(sums.returncode == 0 and "submission.csv: OK" in sums.stdout, "the manifest has the submission", sums)
    check(view_of(out)["money"]["spent"] == 8, "four submissions are paid for", view_of(out)["money"])
    rows = json.loads(trident("ledger", "--json").stdout)
    rows = rows if isinstance(rows, list) else rows["rows"] if "rows" in rows else rows["entries"]
    mine = {row["name"]: row["outcome"] for row in rows if str(folder) in (row["command"] or "")}
    check(mine.get("v1") == mine.get("v4") == "done" and mine.get("v2") == "failed" and mine.get(f"{out.resolve()}/v4/submission.csv") == "forced",
          "a row of the ledger for each version", mine)


def check_devices(folder):
    """What nvidia-smi says of a device that this machine need not have: a program of that name on the PATH."""
    toy_data(folder)
    tool = folder / "bin/nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho '0, 92, 846, 1410'\n")
    tool.chmod(0o755)
    source = write_plan(folder, {"v1": {"env": {"X": "1"}}}, "devices: ['cuda:0']\n")
    env = dict(os.environ, PATH=f"{tool.parent}:{os.environ['PATH']}")
    run = subprocess.run([str(TRIDENT), "run", str(source), "--out", str(folder / "gpu")], capture_output=True, text=True, env=env)
    log = next((folder / "gpu").glob("index-*.job")) / "log.txt"
    check("CUDA_VISIBLE_DEVICES=0 trident index" in log.read_text() and "--device cuda:0" in log.read_text(), "a CUDA job sees its device alone",
          (run.stderr, log.read_text()))
    path = folder / "gpu/devices.json"
    devices = json.loads(path.read_text())
    devices[0].update(job="v1", temperature=92, clock_mhz=846, clock_max_mhz=1410, throttled=True)
    path.write_text(json.dumps(devices))
    table = trident("run", "status", folder / "gpu").stdout
    check("throttled: 60 % of its clock at 92 °C" in table, "throttling is named", table)


def kill_often(folder):
    """kill -9 at 50 random moments, of the runner alone and of the whole group; then a run that is left alone."""
    toy_data(folder, 2500, 1200, 60)
    versions = {"v1": {"heads": "dense"}, "v2": {"heads": "dense", "max_length": 30}, "v7": {"rerank": str(RERANKER), "rerank_top": 4},
                "best": {"blend": ["v1", "v2", "v7"], "method": "rrf"}}
    source = write_plan(folder, versions, "devices: [cpu, cpu]\nmetrics: [ndcg@10]\n")
    began = time.monotonic()
    plain = trident("run", source, "--out", folder / "plain", "-q")
    whole = time.monotonic() - began
    check(plain.returncode == 0, "the run that nobody kills", plain)
    rng, out = random.Random(11), folder / "killed"
    kept, lost, finished, kinds = {}, [], 0, [0, 0]
    base = [str(TRIDENT), "run", str(source), "--out", str(out), "-q"]
    for i in range(50):
        if finished:  # a fast machine was done: from the beginning, so that 50 kills hit work
            shutil.rmtree(out)
            kept, finished = {}, 0
        run = subprocess.Popen(base, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(rng.uniform(0.02, 0.1 + whole / 4))
        alone = i % 2
        kinds[alone] += 1
        (os.kill if alone else os.killpg)(run.pid, signal.SIGKILL)
        finished = run.wait() == 0
        for path in out.glob("*/status.json"):
            json.loads(path.read_text())  # whole, whatever happened
        for path in out.glob("*/run.trec"):
            if path.read_bytes() != (folder / "plain" / path.parent.name / "run.trec").read_bytes():
                lost.append(str(path))
    last = trident("run", source, "--out", out, "-q")
    names = [p.relative_to(folder / "plain") for p in (folder / "plain").glob("*/*") if p.name in ("run.trec", "manifest.sha256")]
    same = [n for n in names if (out / n).read_bytes() == (folder / "plain" / n).read_bytes()]
    check(last.returncode == 0 and len(names) == 8 and same == names,
          f"after {kinds[0]} kills of the group and {kinds[1]} of the runner the same bytes", last)
    check(not lost, "no half run was ever there under its name", lost)
    figures = [list(json.loads((d / "v7/metrics.json").read_text()).values()) for d in (folder / "plain", out)]
    check(figures[0] == figures[1], "and the same figures")
    jobs = [json.loads(p.read_text()) for p in out.glob("*/status.json")]
    counted = [{key: j[key] for key in ("name", "unit", "computed", "repeated", "batch", "attempts")} for j in jobs if j["computed"]]
    total = {"queries": 1200, "documents": 2500}
    most = {"queries": 256, "documents": 1300}
    ok = [j["unit"] in total and j["repeated"] <= j["batch"] <= most[j["unit"]]
          and j["computed"] <= total[j["unit"]] + j["batch"] * j["attempts"] for j in counted]
    check(len(ok) == 5 and all(ok), "each kill cost one batch of texts at most", counted)
    db = sqlite3.connect(out / "scores.db")
    pairs = db.execute("SELECT count(*) FROM scores").fetchone()[0]
    check(pairs == sqlite3.connect(folder / "plain/scores.db").execute("SELECT count(*) FROM scores").fetchone()[0] and pairs > 1000,
          "every score of a pair is kept once", pairs)
    left = subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True).stdout
    check(not left, "nobody is left behind", left)


def check_real(folder):
    """The example of the documentation's kind, on small-m3 and small-rerank: three heads, one pass; bf16 and a reranker; kills."""
    if not (REAL / "small-m3").is_dir() or not (REAL / "small-rerank").is_dir():
        return skip("versions of small-m3 and small-rerank", "they are not here: trident pull small-m3")
    for name, count in (("corpus", 12), ("queries", 12)):
        lines = (DATA / f"{name}.en.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(DATA / "qrels.tsv", folder / "qrels.tsv")
    m3 = str(REAL / "small-m3")
    versions = {"v1": {"model": m3, "heads": "dense", "max_length": 64}, "v2": {"model": m3, "heads": "dense+sparse", "max_length": 64},
                "v3": {"model": m3, "heads": "multi", "max_length": 64},
                "v7": {"model": m3, "heads": "dense+sparse+multi", "max_length": 64, "weights": "mkqa", "precision": "bf16",
                       "rerank": str(REAL / "small-rerank"), "rerank_top": 3},
                "best": {"blend": ["v1", "v2", "v3"], "method": "rrf"}}
    source = write_plan(folder, versions, "devices: [cpu, cpu]\n")
    plain = trident("run", source, "--out", folder / "plain")
    check(plain.returncode == 0 and "3 versions (v1, v2, v3), 1 pass" in plain.stderr, "v1, v2, v3: one encode pass", plain)
    rng = random.Random(3)
    base = [str(TRIDENT), "run", str(source), "--out", str(folder / "killed"), "-q"]
    for i in range(6):
        run = subprocess.Popen(base, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(rng.uniform(0.3, 1.5))
        (os.kill if i % 2 else os.killpg)(run.pid, signal.SIGKILL)
        run.wait()
    last = trident("run", source, "--out", folder / "killed", "-q")
    same = [v for v in versions if (folder / "killed" / v / "run.trec").read_bytes() == (folder / "plain" / v / "run.trec").read_bytes()]
    check(last.returncode == 0 and same == list(versions), "killed and resumed: the same bytes", (same, last))
    alone = folder / "alone"
    trident("index", m3, folder / "corpus.jsonl", "-o", alone, "--want", "dense,sparse", "--max-length", "64", "-q")
    trident("search", alone, folder / "queries.jsonl", "-o", folder / "alone.trec", "-k", "10", "--weights", "0.4,0.2,0", "--max-length", "64", "-q")
    check((folder / "alone.trec").read_bytes() == (folder / "plain/v2/run.trec").read_bytes(), "a shared index gives what one of its own gives")


def main():
    for part in (check_versions, check_bad_plans, check_queue, check_money, check_submissions, check_devices, check_real, kill_often):
        with tempfile.TemporaryDirectory() as folder:
            part(pathlib.Path(folder))
    return plan()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        os.environ["XDG_CACHE_HOME"] = own
        os.environ["TRIDENT_LEDGER"] = own + "/ledger.db"
        sys.exit(main())

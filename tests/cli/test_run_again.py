#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_run_again.py: what `trident run` makes of a folder that is not as it was left: another plan, model, sample, working directory or
clock; files removed; kills between a result and its hook; and does every row of the ledger add up to what was spent?"""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tap import TRIDENT, check, plan, sanitized, skip, trident
from test_run import RERANKER, TINY, status_of, toy_data, view_of, write_plan


def ledger_of(folder):
    rows = json.loads(trident("ledger", "--json").stdout)["entries"]
    return [row for row in rows if str(folder) in (row["command"] or "")]


def check_places(folder):
    """A hook and a model are named from the plan's folder, wherever the command is given."""
    toy_data(folder)
    shutil.copytree(TINY, folder / "tuned")
    (folder / "tell.sh").write_text("#!/bin/sh\n[ -z \"$TRIDENT_VERSION\" ] || sleep 0.5\necho $TRIDENT_VERSION:$TRIDENT_STATE >> told\n")
    (folder / "tell.sh").chmod(0o755)
    source = write_plan(folder, {"v1": {"model": "tuned", "hooks": {"on_done": "./tell.sh"}}}, "hooks: {on_done: ./tell.sh}\n")
    run = trident("run", source, "--out", folder / "out", cwd="/")
    told = (folder / "told").read_text().split() if (folder / "told").exists() else None
    check(run.returncode == 0 and told == ["v1:done", ":done"], "hooks and models are found from the plan's folder, the plan's last",
          (run.stderr, told))


def check_changed(folder):
    toy_data(folder, words=5)
    shutil.copytree(TINY, folder / "tuned")
    (folder / "sample.csv").write_text("query_id,doc_ids\n" + "".join(f"q{i},d0 d1 d2\n" for i in range(40)))
    versions = {"v1": {"model": "./tuned", "hooks": {"on_done": "basename $TRIDENT_SUBMISSION >> told"}}, "v2": {"model": "./tuned", "top": 7}}
    source = write_plan(folder, versions, "price: 3/submission\n")
    source.write_text(source.read_text().replace("qrels: qrels.tsv", "qrels: qrels.tsv, sample: sample.csv"))
    out = folder / "out"
    first = trident("run", source, "--out", out)
    before = (out / "v1/run.trec").read_bytes()
    check(first.returncode == 0 and view_of(out)["money"]["spent"] == 6, "two submissions", first)
    (folder / "sample.tsv").write_text("query_id\tdoc_id\trank\n" + "".join(f"q{i}\td{k}\t{k + 1}\n" for i in range(40) for k in range(2)))
    source.write_text(source.read_text().replace("sample.csv", "sample.tsv"))
    second = trident("run", source, "--out", out)
    told = (folder / "told").read_text().split()
    check(second.returncode == 0 and status_of(out, "v1")["submission"].endswith("/submission.tsv") and told == ["submission.csv", "submission.tsv"],
          "another sample: another submission, which is told and handed in", (second.stderr, status_of(out, "v1"), told))
    check(view_of(out)["money"]["spent"] == 12, "and paid for", view_of(out)["money"])
    (out / "v1/run.trec").unlink()
    third = trident("run", source, "--out", out)
    check(third.returncode == 0 and (out / "v1/run.trec").read_bytes() == before and len((folder / "told").read_text().split()) == 2
          and view_of(out)["money"]["spent"] == 12, "a run that was removed is made again, and not paid for again", third)
    for path in out.glob("index-*"):
        if path.is_dir() and path.suffix != ".job":
            shutil.rmtree(path)
    versions["v3"] = {"model": "./tuned", "top": 5}
    write_plan(folder, versions, "price: 3/submission\n")
    fourth = trident("run", source, "--out", out)
    check(fourth.returncode == 0 and status_of(out, "v3")["state"] == "done", "so is an index, for the version that needs it", fourth)
    weights = folder / "tuned/model.safetensors"
    data = bytearray(weights.read_bytes())
    for i in range(len(data) // 2, len(data) // 2 + 4000, 4):  # the sign of a thousand weights: trained further, in its place
        data[i + 3] ^= 0x80
    weights.write_bytes(data)
    fifth = trident("run", source, "--out", out)
    check(fifth.returncode == 0 and (out / "v1/run.trec").read_bytes() != before, "a model that was trained further makes new results", fifth)
    shutil.copytree(folder / "tuned", folder / "moved")
    shutil.rmtree(folder / "tuned")
    (folder / "moved").rename(folder / "tuned")
    times = {p: p.stat().st_mtime_ns for p in out.glob("*/run.trec")}
    sixth = trident("run", source, "--out", out)
    check(sixth.returncode == 0 and times == {p: p.stat().st_mtime_ns for p in out.glob("*/run.trec")}, "a copy of it is the same model", sixth)


def check_hook_after_kill(folder):
    """Killed when everything is out, before the plan's hook: the next start runs it, once."""
    toy_data(folder)
    source = write_plan(folder, {"v1": {}})
    done = trident("run", source, "--out", folder / "out", "-q")
    write_plan(folder, {"v1": {}}, "hooks: {on_done: echo released >> released}\n")
    runs = [trident("run", source, "--out", folder / "out", "-q") for _ in range(2)]
    told = (folder / "released").read_text() if (folder / "released").exists() else None
    check(done.returncode == 0 and [r.returncode for r in runs] == [0, 0] and told == "released\n", "the plan's on_done is owed until it was run, once", told)


def check_many(folder):
    """More words than a short command line has."""
    lines = [f"q{q} Q0 d{d} 1 {100 - d}.5 x\n" for q in range(3) for d in range(9)]
    names = [f"r{i}" for i in range(150)]
    for i, name in enumerate(names):
        (folder / f"{name}.trec").write_text("".join(lines[i % 9:]))
    text = "versions:\n" + "".join(f"  {n}: {{run: {n}.trec}}\n" for n in names) + f"  best: {{blend: [{', '.join(names)}], method: rrf}}\n"
    (folder / "p.yaml").write_text(text)
    run = trident("run", folder / "p.yaml", "--out", folder / "out", "-q")
    hand = trident("fuse", *[folder / f"{n}.trec" for n in names], "--method", "rrf", "-o", folder / "hand.trec")
    check(run.returncode == 0 and hand.returncode == 0 and (folder / "out/best/run.trec").read_bytes() == (folder / "hand.trec").read_bytes(),
          "a blend of 150 runs", (run.stderr[-300:], hand.stderr))


def check_text(folder):
    """A plan as an editor of another system leaves it, in a folder of another language."""
    toy_data(folder)
    for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv"):
        (folder / name).rename(folder / ("语 " + name))
    text = f"name: 计划\ndata: {{corpus: 语 corpus.jsonl, queries: 语 queries.jsonl, qrels: 语 qrels.tsv}}\nmodel: {TINY}\nversions:\n  v1: {{}}\n"
    (folder / "计 划.yaml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    run = trident("run", "计 划.yaml", cwd=folder)
    check(run.returncode == 0 and (folder / "计划.run/v1/run.trec").exists() and view_of(folder / "计划.run/")["name"] == "计划",
          "a mark, CRLF, spaces and Chinese names", run)


def check_contradictions(folder):
    toy_data(folder)
    good = {"v1": {}}
    cases = [("price: 3/submission\nbill: minute\n", good, "contradict"), ("bill: submission\nprice: 12/h\n", good, "contradict"),
             ("", {"lock": {}}, "a file of the run's folder"), ("", {"Run.json": {}}, "a file of the run's folder"),
             ("", {"v1": {"threshold": "max:high"}}, "with a number"), ("", {"v1": {"env": {f"X{i}": "1" for i in range(100)}}}, "more than 64 variables")]
    for top, versions, words in cases:
        run = trident("run", write_plan(folder, versions, top), "--out", folder / "none")
        check(run.returncode == 1 and words in run.stderr and not (folder / "none").exists(), f"refused: {words}", run)
    source = write_plan(folder, good)
    source.write_text(source.read_text() + "---\nversions: {v9: {}}\n")
    run = trident("run", source, "--out", folder / "none")
    check(run.returncode == 1 and "second document" in run.stderr, "a second document is not left unread", run)
    source = write_plan(folder, good, "price: 3/submission\n")
    timed = trident("run", source, "--out", folder / "timed", "--price", "3600/h", "-q")
    money = view_of(folder / "timed")["money"]
    check(timed.returncode == 0 and money["bill"] == "minute" and money["spent"] == 60, "--price N/h over a plan's N/submission is for time", money)
    wrong = trident("run", source, "--out", folder / "none", "--bill", "minute")
    check(wrong.returncode == 2 and "contradict" in wrong.stderr, "--bill minute over N/submission is wrong usage", wrong)
    source = write_plan(folder, {"v1": {"devices": "cuda:7"}, "v2": {"devices": "cpu"}})
    lacking = trident("run", source, "--out", folder / "lacking", "--devices", "cpu")
    source2 = trident("run", source, "--out", folder / "free")
    states = {v: status_of(folder / "free", v)["state"] for v in ("v1", "v2")}
    if "cuda" in (folder / "free/devices.json").read_text():
        skip("a device that is not here", "there is one")
    else:
        check(lacking.returncode == 1 and source2.returncode == 1 and states == {"v1": "failed", "v2": "done"}
              and "cuda:7" in status_of(folder / "free", "v1")["error"], "a device that is not here fails its version alone, by name", (states, source2))
    source = write_plan(folder, {"v1": {"rerank": "no-such-reranker"}})
    far = trident("run", source, "--out", folder / "far", "--devices", "cpu:0-900")
    check(far.returncode == 1 and "more cores than this machine has" in far.stderr, "cores that are not here are not all of them", far)
    run = trident("run", source, "--out", folder / "rr")
    check(run.returncode == 1 and "no-such-reranker" in status_of(folder / "rr", "v1")["error"] and not list((folder / "rr").glob("index-*/manifest*")),
          "a reranker that is not here is told before the index is made", (run.stderr, status_of(folder / "rr", "v1")))


def check_killed(folder):
    """What a kill leaves: no version that still runs, a row for what was worked, the money of every start."""
    toy_data(folder, 14000, 20, 80)
    source = write_plan(folder, {"v1": {}, "v2": {"rerank": str(RERANKER), "rerank_top": 3}}, "price: 3600/h\nbill: minute\ndevices: [cpu]\n")
    out = folder / "out"
    run = subprocess.Popen([str(TRIDENT), "run", str(source), "--out", str(out), "-q"], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 30
    index = None
    while time.monotonic() < until and run.poll() is None:
        index = next((json.loads(p.read_text()) for p in out.glob("index-*.job/status.json")), None)
        if index and index["done"] and index["items"]:
            break
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    time.sleep(0.1)
    view = view_of(out)
    states = [job["state"] for job in view["versions"] + view["indexes"]]
    check(view["state"] == "stopped" and set(states) == {"stopped"}, "after kill -9 nobody runs, nobody waits", states)
    check("killed" in trident("run", "status", out).stdout, "and the table says killed")
    with open(out / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        check(view_of(out)["state"] == "stopped", "somebody else who asks is no runner")
    (out / "v1/status.json").unlink()
    view = view_of(out)
    check(view["state"] == "stopped" and {v["name"]: v["state"] for v in view["versions"]} == {"v1": "stopped", "v2": "stopped"},
          "a version whose status was not written yet is no version that is done", view)
    last = trident("run", source, "--out", out, "-q")
    rows, view = ledger_of(folder), view_of(out)
    check(view["starts"] == 2 and view["first_start"] > 0 and 0 < view["second_start"] < 180, "both starts are measured", view)
    check(last.returncode == 0 and abs(sum(row["price"] for row in rows) - view["money"]["spent"]) < 1e-6 and view["money"]["spent"] == 120,
          "the ledger's prices come to what was spent, killed starts and rounding too", (rows, view["money"]))
    killed = [row for row in rows if row["outcome"] == "stopped"]
    check(len(killed) == 1 and killed[0]["name"].startswith("index-") and killed[0]["seconds"] > 0 and "killed" in killed[0]["note"],
          "a row for the attempt that was killed", rows)
    worked = sum(row["seconds"] for row in rows)
    check(worked <= 60 * view["money"]["minutes"] + 0.5, "no minute is counted twice", (worked, view["money"], rows))
    check(all(abs(row["billed_minutes"] / 60 * 3600 - row["price"]) < 1e-6 for row in rows), "billed minutes are those of the price", rows)
    again = trident("run", source, "--out", out, "-q")
    rows = ledger_of(folder)
    check(again.returncode == 0 and abs(sum(row["price"] for row in rows) - view_of(out)["money"]["spent"]) < 1e-6, "after an idle start, too", rows)


def check_slow_hook(folder):
    """A hook may take its time, but not the budget's: it is left to itself."""
    toy_data(folder)
    top = "price: 3600/h\nbill: second\nbudget: 8\ndevices: [cpu]\n"
    for name, versions, hooks in (("v", {"v1": {"hooks": {"on_done": "sleep 20"}}}, ""), ("p", {"v1": {}}, "hooks: {on_done: sleep 20}\n")):
        source = write_plan(folder, versions, top + hooks)
        began = time.monotonic()
        run = trident("run", source, "--out", folder / name)
        money = view_of(folder / name)["money"]
        check(time.monotonic() - began < 16 and money["spent"] <= 8 and "left to itself" in run.stderr, "a slow hook does not pass the budget", (run, money))
    states = status_of(folder / "v", "v1")
    check(states["state"] in ("done", "stopped"), "and its version is not left running", states)


def check_clock(folder):
    """The wall clock is set an hour on, then back, while work goes on: no money, no minute of it was spent."""
    cc = shutil.which("cc")
    source = folder / "jump.c"
    source.write_text("""#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t c, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    static struct timespec first;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(c, t);
    if (c != CLOCK_REALTIME) return code;
    if (!first.tv_sec) first = *t;
    double since = (double)(t->tv_sec - first.tv_sec) + (double)(t->tv_nsec - first.tv_nsec) * 1e-9;
    if (since > 0.1 && since < 0.3) t->tv_sec += 3600;
    if (since >= 0.3) t->tv_sec -= 3600;
    return code;
}
""")
    shim = folder / "jump.so"
    if sanitized() or not cc or subprocess.run([cc, "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], capture_output=True).returncode:
        return skip("a clock that jumps", "no C compiler, or a sanitizer that comes first")
    toy_data(folder, 14000, 100, 80)
    run_plan = write_plan(folder, {"v1": {}}, "price: 3600/h\nbill: second\nbudget: 300\ndevices: [cpu]\n")
    began = time.monotonic()
    run = subprocess.run([str(TRIDENT), "run", str(run_plan), "--out", str(folder / "out")], capture_output=True, text=True,
                         env=dict(os.environ, LD_PRELOAD=str(shim)))
    took, money, status = time.monotonic() - began, view_of(folder / "out")["money"], status_of(folder / "out", "v1")
    check(run.returncode == 0 and 0 < money["spent"] <= took + 2 and 0 <= status["seconds"] <= took and took > 0.3,
          "a clock that jumps costs nothing", (took, money, status, run.stderr))


def main():
    for part in (check_places, check_text, check_changed, check_hook_after_kill, check_many, check_contradictions, check_killed, check_slow_hook, check_clock):
        with tempfile.TemporaryDirectory() as folder:
            part(pathlib.Path(folder))
    return plan()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as own:
        os.environ["TRIDENT_LEDGER"] = own + "/ledger.db"
        sys.exit(main())

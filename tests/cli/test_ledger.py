#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_ledger.py: does `trident ledger` show the rows of docs/formats/ledger.md, and add up minutes and money?"""
import json
import os
import pathlib
import sqlite3
import sys
import tempfile

from tap import check, plan, trident

SCHEMA = """CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, began REAL NOT NULL, seconds REAL NOT NULL, command TEXT,
name TEXT, config_hash TEXT, data_hash TEXT, device TEXT, billed REAL NOT NULL, rate REAL NOT NULL, price REAL NOT NULL, outcome TEXT,
metrics TEXT, note TEXT)"""


def make(path, rows):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 0x5452494c")
        db.execute(SCHEMA)
        db.executemany("INSERT INTO entries (began, seconds, name, billed, rate, price, outcome, metrics, note) VALUES (?,?,?,?,?,?,?,?,?)", rows)
    db.close()


def check_rows(folder):
    path = folder / "five.db"
    make(path, [(86400 * i, 1200, f"v{i}", 20, 12, 4, "done", '{"ndcg@10": 0.5}', None) for i in range(4)]
         + [(86400 * 4, 1200, "v1", 20, 12, 4, "failed", None, "wörds \x07 \"quoted\"")])
    got = json.loads(trident("ledger", "--ledger", path, "--json").stdout)
    check([e["name"] for e in got["entries"]] == ["v0", "v1", "v2", "v3", "v1"], "rows in order", got)
    check(got["entries"][1]["began"] == "1970-01-02T00:00:00Z" and got["entries"][1]["metrics"] == {"ndcg@10": 0.5}, "times in UTC, metrics as JSON", got)
    check(got["entries"][4]["note"] == "wörds \x07 \"quoted\"" and got["entries"][4]["metrics"] is None, "any text in a note", got)
    totals = got["totals"]
    check(totals["billed_minutes"] == 100 and totals["price"] == 20 and totals["price_by_started_hours"] == 60,
          "five runs of twenty minutes are 100 minutes, and five hours where hours are charged", totals)
    one = json.loads(trident("ledger", "--ledger", path, "--json", "--name", "v1", "--last", "1").stdout)
    check([e["id"] for e in one["entries"]] == [5] and one["totals"]["rows"] == 1, "--name and --last", one)
    text = trident("ledger", "--ledger", path).stdout
    check("5 rows, 100.0 minutes used, 100.0 billed, 20.00 paid, 4.00 each" in text and "5 hours and 60.00" in text, "the totals in words", text)


def check_hours(folder):
    """Two devices of one machine: rows come as they end, hours are paid for as they begin, once; what has no price pays for nothing."""
    path = folder / "hours.db"
    row = lambda began, minutes, rate: (began, minutes * 60, "v", minutes, rate, minutes / 60 * rate, "done", None, None)
    make(path, [row(36000, 10, 0), row(39600, 20, 12), row(36000 + 60, 90, 12), row(36000 + 120, 30, 12)])
    totals = json.loads(trident("ledger", "--ledger", path, "--json").stdout)["totals"]
    check(totals["price_by_started_hours"] == 24, "10:01 to 11:31 are two started hours, whatever ran beside it", totals)


def check_places(folder):
    os.environ["TRIDENT_LEDGER"] = str(folder / "none.db")
    run = trident("ledger")
    check(run.returncode == 0 and "no rows in" in run.stdout and not (folder / "none.db").exists(),
          "a ledger that is not there has no rows, and is not made", run)
    check(json.loads(trident("ledger", "--json").stdout)["entries"] == [], "and none in JSON")
    other = folder / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    before = other.read_bytes()
    run = trident("ledger", "--ledger", other)
    check(run.returncode == 1 and "another program" in run.stderr and other.read_bytes() == before, "another program's file is left alone", run)
    bad = folder / "bad.db"
    bad.write_bytes(b"not a database, only long enough to look at: " * 40)
    run = trident("ledger", "--ledger", bad)
    check(run.returncode == 1 and "could not" in run.stderr, "no database at all", run)


with tempfile.TemporaryDirectory(prefix="trident-ledger-") as name:
    check_rows(pathlib.Path(name))
    check_hours(pathlib.Path(name))
    check_places(pathlib.Path(name))
sys.exit(plan())

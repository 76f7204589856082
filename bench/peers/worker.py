# SPDX-License-Identifier: Apache-2.0
"""worker.py: the protocol that every engine speaks with the driver: one JSON object a line, in and out.

    {"op": "open", "model": FOLDER, "precision": "f32", "threads": 2, "cache": DIR, "calibration": FILE, "trident": PROGRAM}
        -> {"ok": true, "describe": "...", "version": "..."} or {"absent": "why"}
    {"op": "time", "set": FILE, "order": "sorted" | "arrival" | "whole" | "single", "seconds": 1.0, "cold_ms": 1500}
        -> {"ok": true, "ms": [..], "cold": false}
    {"op": "vectors", "set": FILE, "out": FILE.npy}       -> {"ok": true}
    {"op": "quit"}

A set is {"ids": [[...]], "texts": [...], "role": "passage"}; only an engine that takes no ids looks at the texts. `arrival` is
groups of 16 in file order, `sorted` is by length in groups of the engine's own best size, `whole` is one call, `single` a call a
text. Padding and packing into the engine's input form are not timed, nor is pooling where the engine has none of its own: both
favour the peer. The first pass over a set is not counted, unless it takes longer than `cold_ms` (screening; 0 = never). What the
engine prints goes to stderr, so that it cannot break the protocol."""
import json
import os
import sys
import time

import numpy as np

ARRIVAL_GROUP = 16


class Worker:
    """What an engine implements. `groups` it is given are lists of token ids; it answers in the same order."""

    sorted_group = 16  # texts a call when sorted by length; each engine's best, found by hand

    def open(self, ask):
        """Loads ask["model"]; returns (describe, version); raises with the reason when it cannot."""
        raise NotImplementedError

    def pack(self, ids, texts, role):
        """One call's input in the engine's form."""
        raise NotImplementedError

    def forward(self, packed):
        """The timed part."""
        raise NotImplementedError

    def dense(self, packed):
        """Unit-length vectors [n, D] of one call's texts."""
        raise NotImplementedError

    # ---- what they all share ----------------------------------------------------------------------------------------

    def groups(self, one_set, order):
        ids = one_set["ids"]
        texts, role = one_set.get("texts") or [None] * len(ids), one_set.get("role", "passage")
        rows = list(range(len(ids)))
        size = {"whole": len(rows), "single": 1, "arrival": ARRIVAL_GROUP, "sorted": self.sorted_group}[order]
        if order == "sorted":
            rows.sort(key=lambda i: -len(ids[i]))
        for start in range(0, len(rows), size):
            part = rows[start:start + size]
            yield part, self.pack([ids[i] for i in part], [texts[i] for i in part], role)

    def time(self, one_set, order, seconds, cold_ms):
        """(milliseconds of each pass, whether that is the first one)."""
        packed = [group for _, group in self.groups(one_set, order)]
        times, end = [], None
        while True:
            begin = time.perf_counter()
            for group in packed:
                self.forward(group)
            done = time.perf_counter()
            if end is None:  # the first pass warms up
                if cold_ms and (done - begin) * 1e3 > cold_ms:
                    return [(done - begin) * 1e3], True
                end = done + seconds
                continue
            times.append((done - begin) * 1e3)
            if done >= end:
                return times, False

    def vectors(self, one_set):
        out = [None] * len(one_set["ids"])
        for part, packed in self.groups(one_set, "sorted"):
            for row, vector in zip(part, self.dense(packed)):
                out[row] = vector
        return np.asarray(out, dtype=np.float32)


def answer(worker, ask):
    if ask["op"] == "open":
        try:
            describe, version = worker.open(ask)
        except Exception as error:  # whatever an engine raises, the answer is that it cannot be had
            return {"absent": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        return {"ok": True, "describe": describe, "version": version}
    with open(ask["set"], encoding="utf-8") as file:
        one_set = json.load(file)
    if ask["op"] == "time":
        times, cold = worker.time(one_set, ask["order"], ask["seconds"], ask["cold_ms"])
        return {"ok": True, "ms": times, "cold": cold}
    np.save(ask["out"], worker.vectors(one_set))
    return {"ok": True}


def serve(worker):
    line_out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        ask = json.loads(line)
        if ask["op"] == "quit":
            break
        try:
            reply = answer(worker, ask)
        except Exception as error:  # the driver decides what a failed cell means
            reply = {"failed": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        print(json.dumps(reply), file=line_out, flush=True)
    line_out.flush()
    os._exit(0)  # engines with threads of their own may not die quietly

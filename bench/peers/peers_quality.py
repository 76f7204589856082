# SPDX-License-Identifier: Apache-2.0
"""peers_quality.py: how true are an engine's vectors, before its speed is worth reading?

Cosine of dense vectors with torch's in f32, on the first 400 passages of cmrc2018 and on random ids through the random model;
nDCG@10 of the first 400 questions of cmrc2018 over those passages. Kept in bench/results/peers_quality.csv by engine, class, version
and model, so that an engine is judged once and again when its version changes (the version of Trident is its library's hash)."""
import csv
import math
import sys

import numpy as np

HEAD = ["engine", "class", "version", "model", "cosine mean", "cosine min", "ndcg@10"]
GATE = {"f32": (0.99999, 0.9999), "bf16": (0.9999, 0.9995), "int8": (0.9997, 0.998)}  # mean, minimum, on the real model
WRONG = 0.98  # on the random model: below this it computes something else


class Judgment:
    def __init__(self, mean, low, ndcg):
        self.mean, self.low, self.ndcg = mean, low, ndcg

    def passes(self, kind):
        return self.mean >= GATE[kind][0] and self.low >= GATE[kind][1]


class Quality:
    def __init__(self, path, work, data):
        self.path, self.work, self.data, self.rows = path, work, data, {}
        if path.exists():
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    self.rows[tuple(row[name] for name in HEAD[:4])] = row

    def find(self, engine, kind, version, model):
        row = self.rows.get((engine, kind, version, model))
        if not row:
            return None
        return Judgment(float(row["cosine mean"]), float(row["cosine min"]), float(row["ndcg@10"]) if row["ndcg@10"] else None)

    def keep(self, engine, kind, version, model, judgment):
        stale = [key for key in self.rows if key[0] == engine and key[1] == kind and key[3] == model]
        for key in stale:
            del self.rows[key]
        values = [engine, kind, version, model, f"{judgment.mean:.6f}", f"{judgment.low:.6f}",
                  "" if judgment.ndcg is None else f"{judgment.ndcg:.5f}"]
        self.rows[tuple(values[:4])] = dict(zip(HEAD, values))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(HEAD)
            out.writerows([row[name] for name in HEAD] for _, row in sorted(self.rows.items()))

    # ---- measuring ----------------------------------------------------------------------------------------------------

    def vectors(self, running, name):
        out = self.work / "vectors.npy"
        reply = running.ask(op="vectors", set=self.work / f"{name}.json", out=out)
        if "ok" not in reply:
            raise RuntimeError(f"{name}: {reply.get('failed')}")
        return np.load(out)

    def reference(self, name):
        return self.work / f"reference-{name}.npy"

    def judge(self, running, model, is_reference):
        """Judgment of an open engine on a model."""
        if model.name != "small-m3":
            return self.compare(self.vectors(running, "agree"), "agree", is_reference, None)
        passages, questions = self.vectors(running, "judged"), self.vectors(running, "questions")
        return self.compare(passages, "judged", is_reference, self.ndcg(passages, questions))

    def compare(self, ours, name, is_reference, ndcg):
        if is_reference:
            np.save(self.reference(name), ours)
        cosine = (ours * np.load(self.reference(name))).sum(axis=1)
        return Judgment(float(cosine.mean()), float(cosine.min()), ndcg)

    def ndcg(self, passages, questions):
        """One passage is right for each question, so that nDCG is the discount at its rank."""
        lines = (self.data / "cmrc2018/qrels.tsv").read_text(encoding="utf-8").splitlines()[1:len(questions) + 1]
        right = [int(line.split("\t")[1].lstrip("p")) for line in lines]
        if max(right) >= len(passages):
            sys.exit("a question's passage is not among those encoded")
        scores = questions @ passages.T
        gains = []
        for row, target in zip(scores, right):
            rank = int((row > row[target]).sum())
            gains.append(1 / math.log2(rank + 2) if rank < 10 else 0.0)
        return float(np.mean(gains))

# SPDX-License-Identifier: Apache-2.0
"""peers_diary.py: what was timed so far, on disk after every leg: a comparison that was stopped goes on where it was (--resume).

A leg is one precision class on one model in one round, or in the screening (round 0): the unit that is kept or thrown away. A key is
(engine, class, (model, cell)); with it stands a pair, the milliseconds of the whole model and the share of the leg's own peak."""
import json
import os
import sys

SCREENING = 0


class Diary:
    def __init__(self, path, setting):
        self.path, self.setting = path, setting  # `setting` says what is compared: only the same one may be continued
        self.legs = []  # {"round", "class", "model", "peak": [[precision, threads, GFLOP/s]], "figures": [[engine, cell, ms, share]]}
        self.thrown = []  # in words

    def add(self, number, kind, model, peak, figures):
        rows = [[engine, cell, ms, share] for (engine, cell), (ms, share) in figures.items()]
        self.legs.append({"round": number, "class": kind, "model": model, "figures": rows,
                          "peak": [[*key, value] for key, value in peak.items()]})
        self.save()

    def throw(self, words):
        self.thrown.append(words)
        self.save()

    def save(self):
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"setting": self.setting, "legs": self.legs, "thrown": self.thrown}))
        os.replace(part, self.path)

    def load(self):
        """The kept legs of a comparison of the same setting."""
        if not self.path.exists():
            sys.exit(f"--resume: nothing to go on with in {self.path}")
        found = json.loads(self.path.read_text())
        differs = [name for name, value in self.setting.items() if found["setting"].get(name) != value]
        if differs:
            sys.exit(f"--resume: {self.path} was made with another {', '.join(differs)}: run without --resume")
        self.legs, self.thrown = found["legs"], found["thrown"]

    def take_screening(self, other):
        """The screening of an earlier comparison, whatever its commit: it says who contends, no more."""
        if not other.exists():
            sys.exit(f"--screened: no earlier comparison in {other}")
        self.legs = [leg for leg in json.loads(other.read_text())["legs"] if leg["round"] == SCREENING]

    def has(self, number, kind, model):
        return any((leg["round"], leg["class"], leg["model"]) == (number, kind, model) for leg in self.legs)

    def _pairs(self, wanted):
        out = {}
        for leg in self.legs:
            if wanted(leg["round"]):
                for engine, cell, ms, share in leg["figures"]:
                    out.setdefault((engine, leg["class"], (leg["model"], cell)), []).append((ms, share))
        return out

    @property
    def screened(self):
        return {key: pairs[0] for key, pairs in self._pairs(lambda number: number == SCREENING).items()}

    @property
    def times(self):
        """{key: [pair, one a round]}"""
        return self._pairs(lambda number: number != SCREENING)

    @property
    def peaks(self):
        return [{(kind, threads): value for kind, threads, value in leg["peak"]} for leg in self.legs]

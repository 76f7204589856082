#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_peers.py: is it the fastest encoder on this CPU? Side by side, in this run, on this machine.

    make bench-peers          or: .venv-bench/bin/python bench/peers/bench_peers.py build/trident [options]

Every engine (bench/peers/worker_*.py) gets the same token ids and the same number of threads, in a process of its own, one alive at
a time. First its vectors are compared with torch's in f32 (peers_quality.py), then a screening round times each engine in every
cell of the table, then --rounds rounds time, engines in turn, Trident and the contenders: the peers within 1.25 times the best
of their class in that cell (2 times in short ones). The table has the median over the rounds; what was only screened is marked.

A round goes leg by leg: one precision class on one model, a few minutes. Around every leg the machine's peak is measured with
register-only loops on one and on all threads. A leg in which the threads give less than 0.9 a thread of what one gives alone (1.8
of two: virtual processors that share a core, or a neighbour) is thrown away, said so, and tried again after the others. What is
kept is on disk at once (peers_diary.py): --resume goes on after a stop.

BGE-M3's shape is timed on four layers with random weights, and the times multiplied by six."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]
import peers_oneshot  # noqa: E402
import peers_peak  # noqa: E402
import peers_report  # noqa: E402
import peers_sets  # noqa: E402
from bench_quality import commit, machine  # noqa: E402
from peers_diary import SCREENING, Diary  # noqa: E402
from peers_engines import CLASSES, ENGINES, VENDOR_NOTES, Died, Running  # noqa: E402
from peers_quality import WRONG, Quality  # noqa: E402

SLACK = 1.25  # a peer this much behind the best of its class in the screening does not overtake it later
SHORT_SLACK, SHORT_MS = 2.0, 300  # and in cells this short, which noise moves more and which cost little
COLD_MS = 1500  # a pass longer than this is screened cold: page faults and code generation are some percent of it
TRIES = 4  # of one leg of one round


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Comparison:
    def __init__(self, options):
        self.options, self.work = options, options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.log = self.work / "workers.log"
        self.log.write_bytes(b"")
        folder = peers_sets.prepare_random(self.work, sys.executable, ROOT)
        self.random = peers_sets.Model("bge-m3-shape-4", folder, 4, 6, 1024, 4096)
        self.small = self.find_small()
        self.cells = peers_sets.cells_of(options.shapes, self.work, self.random, self.small)
        self.quality = Quality(options.quality_csv, self.work, options.shared / "data")
        (self.work / "agree.json").write_text(json.dumps({"ids": [[0, *range(9, 9 + n), 2] for n in (8, 38, 5, 126, 31)]}))
        self.names = {}  # (engine, class): what it calls itself
        self.absences = {}  # (engine, class): why there is no figure
        self.first_vector = []
        self.diary = Diary(self.work / f"diary-{options.csv.stem}.json", {
            "commit": commit(), "machine": machine(), "threads": options.threads, "seconds": options.seconds,
            "classes": options.classes, "shapes": options.shapes, "engines": [engine.name for engine in options.engines]})

    def find_small(self):
        data = self.options.shared / "data"
        done = subprocess.run([self.options.trident, "info", "small-m3", "--json"], stdout=subprocess.PIPE, text=True)
        if done.returncode or not data.is_dir():
            say("small-m3 or the reference sets are not here: BGE-M3's shape only")
            return None
        folder = pathlib.Path(json.loads(done.stdout)["model"])
        peers_sets.prepare_real(self.work, self.options.trident, folder, data)
        return peers_sets.Model("small-m3", folder, 12, 1, 384, 1536)

    def entries(self):
        """(engine, class) in the table's order; torch in f32 leads, since the others are compared with it."""
        for engine in self.options.engines:
            for kind in self.options.classes:
                if kind in engine.precisions:
                    yield engine, kind
                elif (engine.name, kind) in VENDOR_NOTES:
                    self.absences[engine.name, kind] = VENDOR_NOTES[engine.name, kind]

    def models(self):
        return [model for model in (self.random, self.small) if model and any(cell.model is model for cell in self.cells)]

    def open(self, running, engine, kind, model):
        """True when the engine has the model; otherwise the reason is noted."""
        reply = running.ask(op="open", model=model.folder, precision=engine.precisions[kind], threads=self.options.threads,
                            cache=self.work, calibration=self.work / f"{model.name}-calibration.jsonl",
                            trident=self.options.trident)
        if "ok" not in reply:
            self.absences[engine.name, kind, model.name] = reply.get("absent") or reply.get("failed")
            return None
        self.names[engine.name, kind] = reply["describe"]
        return reply["version"]

    # ---- quality ------------------------------------------------------------------------------------------------------

    def judge(self):
        """Every engine's vectors, where they are not known yet; an engine that computes something else is out."""
        entries = sorted(self.entries(), key=lambda entry: (entry[0].name, entry[1]) != ("torch", "f32"))
        for engine, kind in entries:
            if engine.absent():
                self.absences[engine.name, kind] = engine.absent()
                continue
            for model in self.models():
                reason = self.judge_one(engine, kind, model)
                if reason:
                    self.absences[engine.name, kind, model.name] = reason
                    say(f"  {engine.title} {kind}, {model.name}: {reason}")

    def judge_one(self, engine, kind, model):
        is_reference = (engine.name, kind) == ("torch", "f32")
        set_name = "judged" if model is self.small else "agree"
        if not is_reference and not self.quality.reference(set_name).exists():
            return "no reference vectors: run once with torch among the engines"
        with Running(engine, self.options.threads, self.log) as running:
            try:
                version = self.open(running, engine, kind, model)
                if version is None:
                    return self.absences[engine.name, kind, model.name]
                found = self.quality.find(engine.name, kind, version, model.name)
                if not found or is_reference and not self.quality.reference(set_name).exists():
                    say(f"  judging {engine.title} {kind} on {model.name}")
                    found = self.quality.judge(running, model, is_reference)
                    self.quality.keep(engine.name, kind, version, model.name, found)
            except (Died, RuntimeError) as error:
                return str(error)
        return f"its vectors are not the model's (cosine {found.low:.4f})" if found.low < WRONG else None

    def judgment(self, engine_name, kind):
        """On real text, whatever the version: the newest that was judged."""
        for key, row in self.quality.rows.items():
            if key[0] == engine_name and key[1] == kind and key[3] == "small-m3":
                return self.quality.find(*key)
        return None

    def sets_bars(self, engine_name, kind):
        found = self.judgment(engine_name, kind)
        return engine_name == "trident" or found is None or found.passes(kind)

    # ---- speed --------------------------------------------------------------------------------------------------------

    def missing(self, engine, kind, model):
        return (engine.name, kind) in self.absences or (engine.name, kind, model.name) in self.absences

    def contends(self, engine, kind, cell, screened):
        if engine.name == "trident":
            return True
        mine = screened.get((engine.name, kind, cell.key()))
        if mine is None:
            return False
        # A peer that passes the gate is held against those that do: the one to beat must not go by its screening alone.
        fair = self.sets_bars(engine.name, kind)
        of_class = [ms for (name, its_kind, key), (ms, _) in screened.items()
                    if its_kind == kind and key == cell.key() and name != "trident" and (not fair or self.sets_bars(name, kind))]
        short = mine[0] / cell.model.repeat * cell.unit_runs < SHORT_MS
        return mine[0] <= (SHORT_SLACK if short else SLACK) * min(of_class)

    def time_entry(self, engine, kind, model, number, out):
        """Into out: {(engine, cell): ms}, of the cells that the engine contends in; of all in the screening."""
        screened = self.diary.screened
        cells = [cell for cell in self.cells
                 if cell.model is model and (number == SCREENING or self.contends(engine, kind, cell, screened))]
        if not cells or self.missing(engine, kind, model):
            return
        with Running(engine, self.options.threads, self.log) as running:
            try:
                if self.open(running, engine, kind, model) is None:
                    return
                for cell in cells:
                    self.time_cell(running, engine, kind, cell, number == SCREENING, out)
            except Died as error:
                say(f"  {engine.title} {kind} on {model.name}: {error}")

    def time_cell(self, running, engine, kind, cell, screening, out):
        key = engine.name, cell.name
        if cell.name == "arrival" and engine.one_text_a_call and (engine.name, "sorted") in out:
            out[key] = out[engine.name, "sorted"]
            return
        seconds = 0.3 if screening else self.options.seconds
        reply = running.ask(op="time", set=cell.path, order=cell.order, seconds=seconds, cold_ms=COLD_MS if screening else 0)
        if "ok" not in reply:
            say(f"  {engine.title} {kind}, {cell.name}: {reply.get('failed')}")
            return
        out[key] = statistics.median(reply["ms"]) / cell.unit_runs * cell.model.repeat
        say(f"  {engine.title:<20} {kind:<5} {cell.model.name:<15} {cell.name:<8} {out[key]:12.2f} ms"
            f" {cell.flops / out[key] / 1e6:8.0f} GFLOP/s")

    def leg(self, number, kind, model):
        """One class on one model, engines in turn, peaks around it; False when it is thrown away."""
        name = f"{'screening' if number == SCREENING else f'round {number}'}, {kind}, {model.name}"
        before = peers_peak.wait_for_quiet(self.options, say)
        if before is None:
            self.diary.throw(f"{name}: the machine stayed busy")
            return False
        say(f"{name}: peak before, GFLOP/s: {peers_peak.words(before)}")
        out, engines = {}, [engine for engine, its_kind in self.entries() if its_kind == kind]
        turn = number % len(engines)
        for engine in engines[turn:] + engines[:turn]:
            self.time_entry(engine, kind, model, number, out)
        after = peers_peak.measure(self.options)
        say(f"{name}: peak after, GFLOP/s: {peers_peak.words(after)}")
        if not self.options.accept_busy and not peers_peak.good(after):
            self.diary.throw(f"{name}: {peers_peak.words(after)}")
            say(f"{name} thrown away: the threads did not give 1.8 of two")
            return False
        peak = peers_peak.mean(before, after)
        cells = {cell.name: cell for cell in self.cells if cell.model is model}
        top = peak.get((kind, self.options.threads))
        figures = {key: (ms, cells[key[1]].flops / ms / 1e6 / top if top else None) for key, ms in out.items()}
        self.diary.add(number, kind, model.name, peak, figures)
        return True

    def round(self, number):
        """Every leg that is not kept yet; those thrown away come again at the end."""
        legs = [(kind, model) for kind in self.options.classes for model in self.models()
                if any(its_kind == kind for _, its_kind in self.entries()) and not self.diary.has(number, kind, model.name)]
        for _ in range(TRIES):
            legs = [leg for leg in legs if not self.leg(number, *leg)]

    def run(self):
        if self.options.resume:
            self.diary.load()
        elif self.options.screened:
            self.diary.take_screening(self.work / "diary-peers.json")
        if self.options.no_quality:
            self.absences.update({(engine.name, kind): engine.absent() for engine, kind in self.entries() if engine.absent()})
        else:
            say("vectors against torch in f32")
            self.judge()
        for number in range(SCREENING, self.options.rounds + 1):
            self.round(number)
        if not self.diary.screened:
            sys.exit("the machine is too busy: nothing could be kept (--accept-busy keeps it, for a trial)")
        if self.small and not self.options.no_processes:
            self.first_vector = peers_oneshot.measure(self.options, self.small, self.work, say)
        peers_report.write(self, machine(), commit())


def parse():
    parser = argparse.ArgumentParser(description="Trident beside every peer, on the CPU.")
    parser.add_argument("trident", nargs="?", type=pathlib.Path, default=ROOT / "build/trident")
    parser.add_argument("--quick", action="store_true", help=f"one round of {', '.join(peers_sets.QUICK)}")
    parser.add_argument("--engines", help="names, comma between: " + ", ".join(engine.name for engine in ENGINES))
    parser.add_argument("--classes", help=", ".join(CLASSES))
    parser.add_argument("--shapes", help=", ".join(peers_sets.SHAPES + peers_sets.SMALL))
    parser.add_argument("--rounds", type=int, help="after the screening; 0 shows the screening alone [2]")
    parser.add_argument("--seconds", type=float, default=0.7, help="of one engine in one cell, or one pass where that is longer")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--screened", action="store_true", help="go by the last run's screening: the same machine, rounds only")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped: same commit, same options")
    parser.add_argument("--accept-busy", action="store_true", help="keep rounds on a busy machine: a trial, no figures")
    parser.add_argument("--no-quality", action="store_true", help="judge no vectors: a trial, every peer sets bars unless known")
    parser.add_argument("--no-processes", action="store_true", help="leave out the whole-process rows")
    parser.add_argument("--shared", type=pathlib.Path, default=os.environ.get("TRI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench-peers")
    parser.add_argument("--csv", type=pathlib.Path, default=ROOT / "bench/results/peers.csv")
    options = parser.parse_args()
    options.trident, options.work, options.shared = options.trident.resolve(), options.work.resolve(), pathlib.Path(options.shared)
    options.quality_csv = options.csv.with_name(options.csv.stem + "_quality.csv")
    options.rounds = options.rounds if options.rounds is not None else 1 if options.quick else 2
    known = {engine.name: engine for engine in ENGINES}
    for name, choices in (("engines", known), ("classes", CLASSES), ("shapes", peers_sets.SHAPES + peers_sets.SMALL)):
        given = getattr(options, name)
        default = peers_sets.QUICK if name == "shapes" and options.quick else list(choices)
        chosen = given.split(",") if given else default
        unknown = [one for one in chosen if one not in choices]
        if unknown:
            parser.error(f"--{name}: unknown {', '.join(unknown)}")
        setattr(options, name, [known[one] for one in chosen] if name == "engines" else chosen)
    return options


if __name__ == "__main__":
    Comparison(parse()).run()

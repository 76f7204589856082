# SPDX-License-Identifier: Apache-2.0
"""peers_report.py: the tables: on the terminal, as Markdown for the README, and every figure as CSV.

A figure is a median over rounds. `~` marks one from the screening alone (a peer that was far behind; with --screened, in an
earlier run), `*` a peer whose vectors miss the quality gate of its class: shown, but not the one to beat. The ratio is the
best other peer's time over Trident's."""
import csv
import datetime
import statistics

from peers_engines import CLASSES, ENGINES
from peers_peak import words
from peers_quality import GATE

RATIO_BARS = {  # issue "The fastest encoder on a CPU"; by class: short and batched, 1x2048, 1x8192, corpora, query
    "f32": {"short": 1.03, "1x2048": 1.08, "1x8192": 1.08, "sorted": 1.1, "arrival": 1.5, "query": 1.6},
    "bf16": {"short": 1.08, "1x2048": 1.12, "1x8192": 1.35, "sorted": 1.25, "arrival": 1.7, "query": 1.8},
    "int8": {"short": 1.1, "1x2048": 1.2, "1x8192": 1.45, "sorted": 1.25, "arrival": 1.7, "query": 1.6},
}
SHARE_BARS = {
    "f32": {"1x128": 88, "1x512": 88, "8x128": 88, "32x128": 88, "1x2048": 85, "1x8192": 80},
    "bf16": {"1x128": 85, "1x512": 85, "8x128": 85, "32x128": 85, "1x2048": 82, "1x8192": 76},
    "int8": {"1x128": 76, "1x512": 76, "8x128": 76, "32x128": 76, "1x2048": 64, "1x8192": 48},
}
CELL_WORDS = {"query": "small-m3, 16-token query", "sorted": "small-m3, 200 passages by length",
              "arrival": "small-m3, 200 passages as they come, 16 a call"}
CSV_HEAD = ["date", "machine", "commit", "threads", "model", "shape", "class", "engine", "version", "rounds", "ms", "min ms",
            "max ms", "tokens/s", "gflops", "peak", "share", "sets a bar"]


def ratio_bar(kind, cell):
    return RATIO_BARS[kind].get(cell.name, RATIO_BARS[kind]["short"])


class Figure:
    """One engine in one cell; None-like (`.ms is None`) where it has none."""

    def __init__(self, run, engine, kind, cell):
        key = engine, kind, cell.key()
        rounds, screened = run.diary.times.get(key, []), run.diary.screened.get(key)
        self.rounds, pairs = len(rounds), rounds or ([screened] if screened else [])
        self.all = [ms for ms, _ in pairs]
        shares = [share for _, share in pairs if share is not None]
        self.ms = statistics.median(self.all) if pairs else None
        self.share = statistics.median(shares) if shares else None
        self.sets_bar = run.sets_bars(engine, kind)

    def words(self):
        if self.ms is None:
            return "-"
        digits = 2 if self.ms < 100 else 0
        return ("~" if not self.rounds else "") + f"{self.ms:.{digits}f}" + ("" if self.sets_bar else "*")


class Row:
    def __init__(self, run, kind, cell, peers):
        self.cell, self.ours = cell, Figure(run, "trident", kind, cell)
        self.peers = {name: Figure(run, name, kind, cell) for name in peers}
        fair = {name: one.ms for name, one in self.peers.items() if one.ms is not None and one.sets_bar}
        whole = {name: one.ms for name, one in self.peers.items() if one.ms is not None}
        self.best = min(fair, key=fair.get) if fair else None
        self.ratio = fair[self.best] / self.ours.ms if fair and self.ours.ms else None
        self.any_ratio = min(whole.values()) / self.ours.ms if whole and self.ours.ms else None


def percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def times_words(ratio):
    return "-" if ratio is None else f"{ratio:.2f}x"


def class_table(run, kind):
    """Lines of Markdown; empty where nothing was timed."""
    titles = {engine.name: engine.title for engine in ENGINES}
    peers = [name for name in titles if name != "trident" and any(key[0] == name and key[1] == kind for key in run.diary.screened)]
    head = ["shape", "Trident ms", "tokens/s", "share of peak", *(titles[name] for name in peers), "best peer", "ratio", "bar",
            "fastest, any quality"]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for cell in run.cells:
        row = Row(run, kind, cell, peers)
        rate = f"{sum(cell.lengths) / row.ours.ms * 1e3:.0f}" if row.ours.ms else "-"
        bar_share = SHARE_BARS[kind].get(cell.name)
        lines.append("| " + " | ".join([
            CELL_WORDS.get(cell.name, cell.name), row.ours.words(), rate,
            percent(row.ours.share) + (f" (bar {bar_share})" if bar_share else ""),
            *(row.peers[name].words() for name in peers), titles.get(row.best, "-"), times_words(row.ratio),
            times_words(ratio_bar(kind, cell)), times_words(row.any_ratio)]) + " |")
    return lines if peers or any(key[0] == "trident" and key[1] == kind for key in run.diary.screened) else []


def quality_table(run):
    lines = ["| engine | precision | cosine, mean | cosine, least | nDCG@10 | lost to its f32 | gate |", "|---|---|---:|---:|---:|---:|---|"]
    for engine in run.options.engines:
        full = run.judgment(engine.name, "f32") or run.judgment("torch", "f32")
        for kind in CLASSES:
            found = run.judgment(engine.name, kind)
            if kind not in engine.precisions or found is None:
                continue
            lost = f"{100 * (1 - found.ndcg / full.ndcg):.2f} %" if full and full.ndcg else "-"
            lines.append(f"| {engine.title} | {engine.precisions[kind]} | {found.mean:.6f} | {found.low:.6f} | {found.ndcg:.4f} |"
                         f" {lost} | {'passes' if found.passes(kind) else 'misses: sets no bar'} |")
    return lines


def process_table(run):
    ours = {name: ms for name, ms, _ in run.first_vector if ms and name.startswith("Trident")}
    lines = ["| process | ms | over Trident f32 |", "|---|---:|---:|"]
    for name, ms, why in run.first_vector:
        base = ours.get("Trident f32")
        lines.append(f"| {name} | {f'{ms:.0f}' if ms else '-'} | {times_words(ms / base) if ms and base else why or '-'} |")
    return lines


def absence_lines(run):
    titles = {engine.name: engine.title for engine in ENGINES}
    return [f"- {titles[key[0]]} {key[1]}{', ' + key[2] if len(key) > 2 else ''}: {why}" for key, why in sorted(run.absences.items())]


def markdown(run, machine, commit):
    quiet = "" if not run.options.accept_busy else " **Busy machine allowed: a trial, not figures.**"
    found = run.diary.peaks
    peaks = {key: statistics.median(peak[key] for peak in found if key in peak) for key in found[-1]}
    kept = sorted({len(pairs) for key, pairs in run.diary.times.items() if key[0] == "trident"}) or [0]
    parts = ["# Beside the other engines, on the CPU", "",
             f"{datetime.date.today()}, {machine}, {run.options.threads} threads, commit {commit};"
             f" {' to '.join(map(str, sorted({kept[0], kept[-1]})))} rounds and"
             f" {'an earlier' if run.options.screened else 'a'} screening.{quiet}",
             f"Peak of register-only loops around the same legs, GFLOP/s: {words(peaks)}.", "",
             "Milliseconds a call, same token ids and threads for all; BGE-M3's shape is four layers with random weights, times six."
             " Peers' padding, packing and pooling are not counted. `~`: screened once, far behind; `*`: misses the quality gate of its"
             " class, sets no bar.", ""]
    if run.diary.thrown:
        parts += ["Legs thrown away, threads x GFLOP/s: " + "; ".join(run.diary.thrown) + ".", ""]
    for kind in run.options.classes:
        lines = class_table(run, kind)
        if lines:
            parts += [f"## {kind}", "", *lines, ""]
    gates = ", ".join(f"{kind} mean >= {mean} and least >= {low}" for kind, (mean, low) in GATE.items())
    parts += ["## Quality on real text", "",
              "Dense vectors of the first 400 passages of cmrc2018 against torch in f32; nDCG@10 of its first 400 questions over those"
              f" passages. Gates: {gates}.", "", *quality_table(run), ""]
    if run.first_vector:
        parts += ["## Process start to first vector, small-m3, one query", "", *process_table(run), ""]
    parts += ["## Engines", "", *(f"- {kind}: {name}" for (_, kind), name in sorted(run.names.items(), key=lambda one: one[0][::-1])), ""]
    if run.absences:
        parts += ["Not there, and why:", "", *absence_lines(run), ""]
    return "\n".join([*parts, "Reproduce with `make bench-peers`.", ""])


def write_csv(run, machine, commit):
    with run.options.csv.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(CSV_HEAD)
        for cell in run.cells:
            for kind in CLASSES:
                for engine in run.options.engines:
                    one = Figure(run, engine.name, kind, cell)
                    if one.ms is None:
                        continue
                    gflops = cell.flops / one.ms / 1e6
                    peak, share = (f"{gflops / one.share:.1f}", f"{one.share:.4f}") if one.share else ("", "")
                    out.writerow([datetime.date.today(), machine, commit, run.options.threads, cell.model.name, cell.name, kind,
                                  engine.name, run.names.get((engine.name, kind), ""), one.rounds, f"{one.ms:.4f}",
                                  f"{min(one.all):.4f}", f"{max(one.all):.4f}", f"{sum(cell.lengths) / one.ms * 1e3:.1f}",
                                  f"{gflops:.1f}", peak, share, int(one.sets_bar)])


def write(run, machine, commit):
    run.options.csv.parent.mkdir(parents=True, exist_ok=True)
    text = markdown(run, machine, commit)
    run.options.csv.with_suffix(".md").write_text(text, encoding="utf-8")
    write_csv(run, machine, commit)
    print(text)
    print(f"{run.options.csv} and {run.options.csv.with_suffix('.md')} written")

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peers_table.py: the README's table from bench/results/peers.csv: ours with its share of the peak, the best other engine, the ratio.

    .venv-bench/bin/python bench/peers/peers_table.py [PEERS.csv]

The best other engine is the fastest of its class that passes the quality gate (the column "sets a bar"). `<` marks a ratio under the
bar that we set ourselves."""
import csv
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench/peers"))
from peers_engines import CLASSES, ENGINES  # noqa: E402
from peers_report import RATIO_BARS  # noqa: E402

MODELS = {"bge-m3-shape-4": "BGE-M3", "small-m3": "small-m3"}
CELLS = {"query": "query of 16 tokens", "sorted": "200 passages by length", "arrival": "the same as they come"}
TITLES = {engine.name: engine.title.replace("sentence-tr. / ", "") for engine in ENGINES}


def milliseconds(row):
    return f"{float(row['ms']):.2f}" if float(row["ms"]) < 100 else f"{float(row['ms']):,.0f}"


def three_cells(rows, kind, shape):
    """Ours, the best other, the ratio: of one class in one cell."""
    ours = next((row for row in rows if row["engine"] == "trident"), None)
    fair = [row for row in rows if row["engine"] != "trident" and row["sets a bar"] == "1"]
    if not ours or not fair:
        return ["-"] * 3
    best = min(fair, key=lambda row: float(row["ms"]))
    ratio = float(best["ms"]) / float(ours["ms"])
    bar = RATIO_BARS[kind].get(shape, RATIO_BARS[kind]["short"])
    share = f" ({100 * float(ours['share']):.0f} %)" if ours["share"] else ""
    return [milliseconds(ours) + share, f"{milliseconds(best)} {TITLES[best['engine']]}",
            f"{ratio:.2f}x" + (f" < {bar:g}" if ratio < bar else "")]


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "bench/results/peers.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    print("| | " + " | ".join(f"{kind} | best other | ratio" for kind in CLASSES) + " |")
    print("|---" + "|---:" * 3 * len(CLASSES) + "|")
    for model, shape in dict.fromkeys((row["model"], row["shape"]) for row in rows):
        here = [row for row in rows if (row["model"], row["shape"]) == (model, shape)]
        cells = [cell for kind in CLASSES for cell in three_cells([row for row in here if row["class"] == kind], kind, shape)]
        name = CELLS.get(shape, shape.replace("x", " x "))
        print(f"| {MODELS.get(model, model)}, {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

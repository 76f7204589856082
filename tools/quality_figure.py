#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""quality_figure.py: bench/results/quality.csv drawn as docs/quality.svg.

    tools/quality_figure.py [CSV] [SVG]

One row a set (the languages of xquad first), four bars a row: nDCG@10 of dense, sparse, multi and all. The CSV is what
`make bench-quality` writes; nothing is drawn that is not in it."""
import csv
import html
import sys

WAYS = [("dense", "#4c78a8"), ("sparse", "#f58518"), ("multi", "#54a24b"), ("all", "#222222")]
LEFT, WIDTH, BAR, GAP, TOP = 130, 520, 7, 10, 46
LOWEST = 0.0


def rows_of(path):
    """[(set, {way: ndcg})] in the order of the file."""
    sets = {}
    with open(path, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(line for line in f if not line.startswith("#")):
            sets.setdefault(row["set"], {})[row["way"]] = float(row["ndcg@10"])
    return list(sets.items())


def draw(rows):
    height = TOP + len(rows) * (len(WAYS) * BAR + GAP) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{height}" font-family="sans-serif" '
           'font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{LEFT}" y="16" font-weight="bold">nDCG@10 of small-m3, one forward pass, four ways to search</text>']
    for i, (way, colour) in enumerate(WAYS):
        out.append(f'<rect x="{LEFT + i * 90}" y="25" width="10" height="10" fill="{colour}"/>'
                   f'<text x="{LEFT + 14 + i * 90}" y="34">{way}</text>')
    y = TOP
    for name, values in rows:
        out.append(f'<text x="{LEFT - 8}" y="{y + 2 * BAR + 5}" text-anchor="end">{html.escape(name)}</text>')
        for way, colour in WAYS:
            if way in values:
                w = max(0.0, (values[way] - LOWEST) / (1 - LOWEST)) * WIDTH
                out.append(f'<rect x="{LEFT}" y="{y}" width="{w:.1f}" height="{BAR - 1}" fill="{colour}"/>'
                           f'<text x="{LEFT + w + 4:.1f}" y="{y + BAR - 1}" font-size="8">{values[way]:.3f}</text>')
            y += BAR
        y += GAP
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else "bench/results/quality.csv"
    target = sys.argv[2] if len(sys.argv) > 2 else "docs/quality.svg"
    with open(target, "w", encoding="utf-8") as f:
        f.write(draw(rows_of(source)))


if __name__ == "__main__":
    main()

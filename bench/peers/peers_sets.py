# SPDX-License-Identifier: Apache-2.0
"""peers_sets.py: the models, the token ids that every engine is given, and what a forward pass of them costs.

Everything is made once and kept in build/bench-peers: the random model, sets as JSON, calibration texts as JSONL of ids."""
import json
import pathlib
import random
import subprocess
import sys

LONGEST, PASSAGES, GROUP_QUERIES, QUERY_TOKENS = 512, 200, 20, 16
JUDGED, QUESTIONS = 400, 400  # nDCG: the first passages and questions of cmrc2018; the questions' own passages are all among them
CALIBRATION_PASSAGES, CALIBRATION_QUESTIONS = 64, 64  # from the end of the set, which nothing else here reads


class Model:
    def __init__(self, name, folder, layers, repeat, width, ffn):
        self.name, self.folder, self.layers, self.repeat = name, folder, layers, repeat
        self.width, self.ffn = width, ffn

    def flops(self, lengths):
        """Of the whole model, `repeat` times what was timed: 2 a parameter, and q.k and p.v of every pair of tokens."""
        linear = 2 * (4 * self.width**2 + 2 * self.width * self.ffn)
        return self.repeat * self.layers * sum(n * (linear + 4 * n * self.width) for n in lengths)


class Cell:
    """A model, a set and an order: what one number in the table is about."""

    def __init__(self, model, name, path, order, lengths, unit_runs=1):
        self.model, self.name, self.path, self.order, self.lengths, self.unit_runs = model, name, path, order, lengths, unit_runs
        self.flops, self.tokens = model.flops(lengths), model.repeat * sum(lengths)

    def key(self):
        return self.model.name, self.name


SHAPES = ["1x16", "1x128", "1x512", "1x2048", "1x8192", "8x128", "32x128"]
SMALL = ["query", "sorted", "arrival"]
QUICK = ["1x16", "1x128", "1x512", "query"]


def random_set(path, shape, vocabulary):
    texts, tokens = map(int, shape.split("x"))
    draw = random.Random(shape)
    ids = [[0] + [draw.randrange(4, vocabulary) for _ in range(tokens - 2)] + [2] for _ in range(texts)]
    path.write_text(json.dumps({"ids": ids}))


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tokenize(trident, model, texts):
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    words = [trident, "tokenize", model, "--max-length", str(LONGEST)]
    done = subprocess.run(list(map(str, words)), input=lines, stdout=subprocess.PIPE, check=True, text=True, encoding="utf-8")
    return [json.loads(line)["ids"] for line in done.stdout.splitlines()]


def passage_text(line):
    return f"{line.get('title', '')} {line['text']}".strip()


def write_set(path, ids, texts, role):
    path.write_text(json.dumps({"ids": ids, "texts": texts, "role": role}, ensure_ascii=False), encoding="utf-8")


def prepare_real(work, trident, folder, data):
    """passages, query (16 tokens each), judged, questions: sets of real text; and calibration.jsonl."""
    if (work / "small-m3-calibration.jsonl").exists():
        return
    corpus, questions = read_lines(data / "cmrc2018/corpus.jsonl"), read_lines(data / "cmrc2018/queries.jsonl")
    texts = [passage_text(line) for line in corpus]
    asked = [line["text"] for line in questions]
    ids = tokenize(trident, folder, ["passage: " + text for text in texts])
    asked_ids = tokenize(trident, folder, ["query: " + text for text in asked])
    write_set(work / "passages.json", ids[:PASSAGES], texts[:PASSAGES], "passage")
    write_set(work / "judged.json", ids[:JUDGED], texts[:JUDGED], "passage")
    write_set(work / "questions.json", asked_ids[:QUESTIONS], asked[:QUESTIONS], "query")
    short = [i for i, one in enumerate(asked_ids) if len(one) == QUERY_TOKENS][:GROUP_QUERIES]
    write_set(work / "query.json", [asked_ids[i] for i in short], [asked[i] for i in short], "query")
    calibration = ids[-CALIBRATION_PASSAGES:] + asked_ids[-CALIBRATION_QUESTIONS:]
    (work / "small-m3-calibration.jsonl").write_text("".join(json.dumps({"ids": one}) + "\n" for one in calibration))


def prepare_random(work, python, root):
    """The folder of four layers, and calibration for it."""
    folder = work / "bge-m3-shape-4"
    if not (folder / "model.safetensors").exists():
        subprocess.run([python, root / "bench/peers/random_model.py", folder], check=True)
    draw = random.Random(5)
    path = work / "bge-m3-shape-4-calibration.jsonl"
    if not path.exists():
        path.write_text("".join(json.dumps({"ids": [0] + [draw.randrange(4, 4096) for _ in range(draw.randrange(20, 200))] + [2]})
                                + "\n" for _ in range(32)))
    return folder


def cells_of(names, work, random_model, small_model):
    """The cells asked for, in the table's order. `small_model` is None without the real sets."""
    cells = []
    for name in names:
        if name in SMALL:
            if small_model is None:
                continue
            path = work / ("query.json" if name == "query" else "passages.json")
            lengths = [len(one) for one in json.loads(path.read_text(encoding="utf-8"))["ids"]]
            order, runs = ("single", len(lengths)) if name == "query" else (name, 1)
            cells.append(Cell(small_model, name, path, order, lengths[:1] if name == "query" else lengths, runs))
        elif name in SHAPES:
            path = work / f"random-{name}.json"
            if not path.exists():
                random_set(path, name, 4096)
            texts, tokens = map(int, name.split("x"))
            cells.append(Cell(random_model, name, path, "whole", [tokens] * texts))
        else:
            sys.exit(f"unknown shape {name}; known: {', '.join(SHAPES + SMALL)}")
    return cells

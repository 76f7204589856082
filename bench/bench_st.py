#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_st.py: how fast is it beside sentence-transformers, on this machine, in this run?

    .venv-bench/bin/python bench/bench_st.py TRIDENT [--model small-m3] [--seconds 3] [--rounds 5] [--csv FILE]

Both sides have the same model folder, f32, the same number of threads, the same shapes (`trident bench --help` says what they
are), token ids as input, one untimed run before timing, and give unit-length dense vectors. They run in turns, A B A B, and
while one runs the other sleeps; a round's figure is the median of its runs, and the table shows the median over the rounds.

sentence-transformers gets its best case: no tokenizer, and for `mixed` what its encode does to help itself (sorted by length,
32 texts a batch, padded to the longest). The rows `three heads` are ours alone, for scale: it has no sparse and no multi head.
Before timing, both sides encode a few texts, and the vectors must agree: a benchmark of something else is worth nothing.

Last come the times from process start to the first vector, page cache warm. Run by `make bench`, which makes .venv-bench."""
import argparse
import csv
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = ["1x16", "1x128", "1x512", "32x128", "mixed"]
BATCH = 32  # sentence-transformers' default batch_size
TEXTS = ["How do plants make food?", "光合作用把阳光变成糖。", "كم نقطة تخلى عنها دفاع البانثرز؟", "x " * 300]
HEAD = ("shape", "tokens", "trident", "sentence-tr.", "ratio", "worst round", "three heads")
AGREE = 0.9999  # cosine; two f32 implementations of one model differ in the sixth digit


def lengths_of(shape):
    if shape == "mixed":  # cmd_bench.c has the same
        return [8 + i for i in range(16)] + [32 * (i + 1) for i in range(16)]
    texts, tokens = shape.split("x")
    return [int(tokens)] * int(texts)


def trident_json(trident, *words):
    return json.loads(subprocess.run([trident, *map(str, words)], stdout=subprocess.PIPE, check=True, text=True).stdout)


def time_trident(options, shape, want):
    words = ["bench", options.model, "--shapes", shape, "--seconds", options.seconds, "--json", "--threads", options.threads]
    report = trident_json(options.trident, *words, *(["--want", want] if want else []))
    return report["results"][0]["median_ms"], report["engine"]


class Peer:
    """sentence-transformers with a model folder, on the CPU, in f32."""

    def __init__(self, folder, threads):
        os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1", HF_HUB_OFFLINE="1")
        import sentence_transformers
        import torch
        import transformers

        torch.set_num_threads(threads)
        self.torch = torch
        f32 = {"torch_dtype": torch.float32}  # the file is in f16, which the CPU is slow at
        self.model = sentence_transformers.SentenceTransformer(str(folder), device="cpu", model_kwargs=f32)
        self.model.eval()
        self.describe = (f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}, "
                         f"transformers {transformers.__version__}")
        self.vocabulary = 250000  # ids drawn below this; the table has a few more rows

    def batches(self, shape):
        lengths = sorted(lengths_of(shape), reverse=True)
        draw = random.Random(2)
        for start in range(0, len(lengths), BATCH):
            part = lengths[start:start + BATCH]
            ids = self.torch.full((len(part), part[0]), 1, dtype=self.torch.long)
            mask = self.torch.zeros_like(ids)
            for row, length in enumerate(part):
                tokens = [0] + [draw.randrange(4, self.vocabulary) for _ in range(length - 2)] + [2]
                ids[row, :length] = self.torch.tensor(tokens)
                mask[row, :length] = 1
            yield {"input_ids": ids, "attention_mask": mask}

    def time(self, shape, seconds):
        batches = list(self.batches(shape))
        times = []
        with self.torch.inference_mode():
            end = None
            while True:
                begin = time.perf_counter()
                for batch in batches:
                    self.model(dict(batch))["sentence_embedding"]
                done = time.perf_counter()
                if end is None:  # the first run warms up
                    end = done + seconds
                    continue
                times.append((done - begin) * 1e3)
                if len(times) >= 3 and done >= end:
                    return statistics.median(times)

    def encode(self, texts):
        return self.model.encode(texts, normalize_embeddings=True, convert_to_numpy=True).tolist()


def check_agreement(options, peer):
    with tempfile.TemporaryDirectory() as folder:
        source, out = pathlib.Path(folder) / "in.jsonl", pathlib.Path(folder) / "out.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
        subprocess.run([options.trident, "encode", options.model, "-i", source, "-o", out, "--want", "dense", "-q",
                        "--tokenizer-rules", "hf5"], check=True)
        ours = [json.loads(line)["dense"] for line in out.read_text().splitlines()]
    worst = min(sum(a * b for a, b in zip(x, y)) for x, y in zip(ours, peer.encode(TEXTS)))
    print(f"cosine of our vectors with theirs, worst of {len(TEXTS)} texts: {worst:.7f}")
    if worst < AGREE:
        sys.exit("the two sides do not compute the same thing: nothing to compare")


def first_vector_ms(options, runs=20):
    """Wall time of a whole `trident encode` of one text, median."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        source, out = pathlib.Path(folder) / "in.jsonl", pathlib.Path(folder) / "out.jsonl"
        source.write_text('{"text": "hello"}\n')
        words = [options.trident, "encode", options.model, "-i", source, "-o", out, "--want", "dense", "-q"]
        for _ in range(runs + 1):
            begin = time.perf_counter()
            subprocess.run(words, check=True)
            times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times[1:]), min(times[1:]), max(times[1:])


def main():
    parser = argparse.ArgumentParser(description="Tokens a second beside sentence-transformers.")
    parser.add_argument("trident", type=pathlib.Path)
    parser.add_argument("--model", default="small-m3")
    parser.add_argument("--seconds", type=float, default=3, help="of one round of one side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--csv", default=ROOT / "bench/results/speed.csv", type=pathlib.Path)
    options = parser.parse_args()
    options.trident = options.trident.resolve()
    sys.path.insert(0, str(ROOT / "bench"))
    from bench_quality import commit, machine

    folder = trident_json(options.trident, "info", options.model, "--json")["model"]
    peer = Peer(folder, options.threads)
    print(f"{machine()}, {options.threads} threads\nA: trident {commit()}\nB: {peer.describe}")
    check_agreement(options, peer)

    rows, here = [], [machine(), commit(), options.threads]
    print("\ntokens/s, medians over the rounds")
    print("{:<10} {:>7} {:>12} {:>13} {:>7} {:>12} {:>12}".format(*HEAD))
    engine = ""
    for shape in options.shapes.split(","):
        tokens = sum(lengths_of(shape))
        ours, theirs, heads = [], [], []
        for round_ in range(options.rounds):
            median, engine = time_trident(options, shape, "dense")
            ours.append(median)
            theirs.append(peer.time(shape, options.seconds))
            heads.append(time_trident(options, shape, None)[0])
            for side, ms in (("trident", ours[-1]), ("sentence-transformers", theirs[-1]), ("trident three heads", heads[-1])):
                rows.append([*here, shape, tokens, side, round_, f"{ms:.4f}", f"{tokens / ms * 1e3:.1f}"])
        rate = [tokens / statistics.median(side) * 1e3 for side in (ours, theirs, heads)]
        worst = min(b / a for a, b in zip(ours, theirs))
        print(f"{shape:<10} {tokens:7} {rate[0]:12.0f} {rate[1]:13.0f} {rate[0] / rate[1]:7.2f} {worst:12.2f} {rate[2]:12.0f}",
              flush=True)
    median, low, high = first_vector_ms(options)
    print(f"\n{engine}\nprocess start to first vector, warm page cache: {median:.0f} ms (min {low:.0f}, max {high:.0f})")
    rows.append([*here, "first vector", 1, "trident", "", f"{median:.4f}", ""])
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["machine", "commit", "threads", "shape", "tokens", "side", "round", "median ms", "tokens/s"])
        out.writerows(rows)
    print(f"{options.csv} written")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gpu_peers.py: is it the fastest encoder on this card? Trident and the peers, in one run, on the same random weights and ids.

    python3 bench/gpu_peers.py --trident build/trident --csv gpu_peers.csv
    python3 bench/gpu_peers.py --trident build/trident --dry-run        what would run, and which peers are here
    python3 bench/gpu_peers.py --trident build/trident --cpu            two layers on the processor: shows that it runs

The model has BGE-M3's shape and random weights, its vocabulary cut (--vocab): `trident bench --make-model` writes it, transformers
where there is no Trident. Peers (bench/peers/gpu_engines.py): transformers eager and SDPA, torch.compile in two modes, ONNX Runtime's
CUDA and TensorRT providers. Attention alone (bench/peers/gpu_attention.py): SDPA's backends and packed kernels.

Protocol. A round is a turn of each engine, one after another, through all shapes; rounds repeat, A B A B. In a turn a shape is warmed
up, then launched --launches times, each launch with ids of its own, drawn anew each round. A launch takes longer than --seconds / launches
only down to the count that makes 50 in all rounds. Each launch is timed by a pair of events on its stream and by the wall, from ids in
host memory to vectors in host memory. A figure is the median over the rounds of the medians in a round; min and max are the fastest and
the slowest round's wall median. Trident runs as `trident bench --json`, a process a round, on the round's first ids in every run (it
reads them from a file), at least 50 runs on a card; its clocks are the same two. Between turns torch gives back the memory it keeps.

Lengths that vary (`varied`): from --lengths, a file of integers or JSON lines with "text" (and "title"), counted as white-space words
x 1.3 + 2. The peers get them sorted by length in padded batches of --batch, Trident as they come. tokens_per_s counts real tokens.

cosine_vs_f32: the least cosine of up to 8 vectors a shape with transformers' eager f32, one text at a time. A peer that is not here,
runs out of memory or fails has a row whose note says so. Exit status: 0 done, 3 nothing to run: neither torch nor Trident."""
import argparse
import csv
import datetime
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]
import gpu_attention  # noqa: E402
import gpu_engines  # noqa: E402
from bench_quality import commit, machine  # noqa: E402
from gpu_engines import Absent, OutOfMemory  # noqa: E402

COLUMNS = ("date card driver clock_mhz commit peer version precision shape texts tokens padded_tokens launches gpu_ms_median "
           "wall_ms_median min max tokens_per_s texts_per_s cosine_vs_f32 note").split()
SHAPES = "1x128,1x512,1x1024,1x2048,1x8192,8x128,16x128,32x128,4x8192,varied"
COMPILE_SHAPES = "1x128,1x512,8x128,32x128"  # a minute each, more for max-autotune
CPU = {"layers": 2, "vocab": 512, "shapes": "1x16,4x24,varied", "precision": "f32", "rounds": 2, "launches": 3, "seconds": 0.2,
       "texts": 12, "batch": 4, "max_length": 48, "compile_shapes": "1x16", "device": "cpu", "peers": "eager,sdpa,ort-cuda"}
LEAST = 50  # timed launches of a figure
WARM_FIRST, WARM = 5, 2  # launches before timing: compilers and graph recorders need some
QUALITY_TEXTS = 8
TRIDENT = "trident"
WORDS_TO_TOKENS = 1.3
SPECIALS, FIRST, LAST = 4, 0, 2  # ids below 4, <s>, </s>
MODULES = [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
           for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


# ---- shapes --------------------------------------------------------------------------------------------------------------------


def batches_of(lengths, size):
    """Row numbers in batches of `size`, the longest first: padding is least so."""
    rows = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    return [rows[start:start + size] for start in range(0, len(rows), size)]


def padded_count(lengths, batches):
    return sum(len(rows) * max(lengths[i] for i in rows) for rows in batches)


def words_to_tokens(text):
    return max(3, round(len(text.split()) * WORDS_TO_TOKENS) + 2)


def parse_lengths(lines):
    """Lengths in tokens out of lines of integers or of JSON objects, told apart line by line."""
    out = []
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line:
            continue
        try:
            if line.startswith("{"):
                record = json.loads(line)
                out.append(len(record["ids"]) if "ids" in record else words_to_tokens(f'{record.get("title") or ""} {record["text"]}'))
            else:
                out += [int(word) for word in line.replace(",", " ").split()]
        except (KeyError, ValueError) as error:
            raise ValueError(f"line {number} is neither integers nor an object with \"text\" or \"ids\"") from error
    if not out:
        raise ValueError("no lengths in it")
    return out


def choose_lengths(lengths, most, longest):
    """`most` of them evenly spread over the file, in its order, cut to what a model can take."""
    step = max(1.0, len(lengths) / most)
    kept = [lengths[int(i * step)] for i in range(min(most, len(lengths)))]
    return [min(max(n, 3), longest) for n in kept]


def usual_lengths():
    """What `trident bench` calls mixed, eight times over, shuffled."""
    lengths = 8 * ([8 + i for i in range(16)] + [32 * (i + 1) for i in range(16)])
    random.Random(1).shuffle(lengths)
    return lengths


class Shape:
    def __init__(self, name, lengths, batch):
        self.name, self.lengths = name, lengths
        even = len(set(lengths)) == 1
        self.batches = [list(range(len(lengths)))] if even else batches_of(lengths, batch)
        self.tokens, self.padded = sum(lengths), padded_count(lengths, self.batches)


def parse_shapes(words, varied, batch):
    out = []
    for word in words.split(","):
        if word == "varied":
            out.append(Shape(word, varied, batch))
            continue
        texts, x, tokens = word.partition("x")
        if not (x and texts.isdigit() and tokens.isdigit() and int(texts) >= 1 and int(tokens) >= 3):
            raise ValueError(f'a shape is TEXTSxTOKENS (3 tokens or more) or varied, not "{word}"')
        out.append(Shape(word, [int(tokens)] * int(texts), batch))
    return out


def draw_ids(lengths, vocab, *seed):
    draw = random.Random(repr(seed))
    return [[FIRST, *(draw.randrange(SPECIALS, vocab) for _ in range(n - 2)), LAST] for n in lengths]


def unsort(batches, vectors):
    """The vector of each text in order, of those of each batch."""
    out = [None] * sum(map(len, batches))
    for rows, group in zip(batches, vectors):
        for row, vector in zip(rows, group):
            out[row] = vector
    return out


# ---- figures -------------------------------------------------------------------------------------------------------------------


def percentile(values, share):
    """Of sorted values, between neighbours; share 0.5 is the median."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


class Cell:
    """What is known of one engine in one shape: a (GPU ms, wall ms, launches) of each round, or a note that says why not."""

    def __init__(self, peer, shape, texts, tokens, padded, note=""):
        self.peer, self.shape, self.texts, self.tokens, self.padded = peer, shape, texts, tokens, padded
        self.rounds, self.note, self.version, self.cosine, self.clocks = [], note, "", None, []
        self.stopped = bool(note)  # no more turns

    def add(self, gpu_ms, wall_ms, launches):
        self.rounds.append((gpu_ms, wall_ms, launches))

    def stop(self, note):
        self.note, self.stopped = note, True

    @property
    def wall(self):
        return percentile([w for _, w, _ in self.rounds], 0.5) if self.rounds else None

    @property
    def gpu(self):
        known = [g for g, _, _ in self.rounds if g is not None]
        return percentile(known, 0.5) if known else None

    def row(self, facts):
        """A dict with COLUMNS as keys; what is not known is empty."""
        row = dict.fromkeys(COLUMNS, "")
        row.update(facts, peer=self.peer, version=self.version, shape=self.shape, texts=self.texts, tokens=self.tokens,
                   padded_tokens=self.padded, launches=sum(n for _, _, n in self.rounds), note=self.note)
        if self.clocks:
            row["clock_mhz"] = round(percentile(self.clocks, 0.5))
        if self.gpu is not None:
            row["gpu_ms_median"] = f"{self.gpu:.4f}"
        if self.rounds:
            walls = [w for _, w, _ in self.rounds]
            row.update(wall_ms_median=f"{self.wall:.4f}", min=f"{min(walls):.4f}", max=f"{max(walls):.4f}",
                       tokens_per_s=f"{self.tokens / self.wall * 1e3:.1f}", texts_per_s=f"{self.texts / self.wall * 1e3:.2f}")
        if self.cosine is not None:
            row["cosine_vs_f32"] = f"{self.cosine:.7f}"
        return row


def write_csv(path, cells, facts):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(cell.row(facts) for cell in cells)
    part.replace(path)


def ratio_rows(cells):
    """For each shape that Trident was asked for: (shape, Trident's cell, best by wall, ratio, best by GPU, ratio); None = no figure.

    A ratio above 1 says that Trident is that many times as fast."""
    out = []
    for ours in (cell for cell in cells if cell.peer == TRIDENT):
        peers = [cell for cell in cells if cell.peer != TRIDENT and cell.shape == ours.shape]
        found = [ours.shape, ours]
        for kind in ("wall", "gpu"):
            best = min((cell for cell in peers if getattr(cell, kind) is not None), key=lambda cell: getattr(cell, kind), default=None)
            mine = getattr(ours, kind)
            found += [best, getattr(best, kind) / mine if best and mine else None]
        out.append(tuple(found))
    return out


def markdown(cells):
    def number(value, form="{:.0f}"):
        return "-" if value is None else form.format(value)

    def rate(cell):
        return number(cell.tokens / cell.wall * 1e3 if cell and cell.wall else None)

    lines = ["| shape | tokens | Trident tokens/s | best peer | its tokens/s | ratio, wall | best by GPU time | ratio, GPU | cosine | note |",
             "|---|---:|---:|---|---:|---:|---|---:|---:|---|"]
    for shape, ours, wall, wall_ratio, gpu, gpu_ratio in ratio_rows(cells):
        lines.append(f"| {shape} | {ours.tokens} | {rate(ours)} | {wall.peer if wall else '-'} | {rate(wall)} | {number(wall_ratio, '{:.2f}')} "
                     f"| {gpu.peer if gpu else '-'} | {number(gpu_ratio, '{:.2f}')} | {number(ours.cosine, '{:.6f}')} | {ours.note} |")
    attention = [cell for cell in cells if cell.shape.startswith("attention-") and cell.rounds]
    if attention:
        lines += ["", "| attention alone | kernel | ms | TFLOP/s | cosine |", "|---|---|---:|---:|---:|"]
        for cell in attention:
            ms = cell.gpu or cell.wall
            speed = gpu_attention.flops(cell.lengths) / ms / 1e9
            lines.append(f"| {cell.shape} | {cell.peer} | {ms:.4f} | {speed:.2f} | {number(cell.cosine, '{:.6f}')} |")
    reasons = {}
    for cell in cells:
        if not cell.rounds:
            reasons.setdefault((cell.peer, cell.note), []).append(cell.shape)
    if reasons:
        lines += ["", "Without a figure:", ""]
        lines += [f"- {peer}: {note} ({', '.join(shapes)})" for (peer, note), shapes in reasons.items()]
    return "\n".join(lines)


# ---- Trident -------------------------------------------------------------------------------------------------------------------


def trident_figures(report):
    """[(GPU ms or None, wall ms, launches)] of what `trident bench --json` printed."""
    return [(row.get("card_ms"), row["median_ms"], row["runs"]) for row in report["results"]]


class Trident:
    def __init__(self, options, model, shapes):
        self.options, self.model, self.shapes = options, model, shapes
        self.where = ["--device", options.device, "--precision", options.precision, *options.trident_words.split()]

    def call(self, *words):
        done = subprocess.run([str(self.options.trident), *map(str, words)], capture_output=True, text=True, timeout=900)
        if done.returncode:
            said = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0][:200]
            raise (OutOfMemory if gpu_engines.is_out_of_memory(said) else RuntimeError)(said)
        return done.stdout

    def write(self, name, texts):
        path = self.options.work / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"ids": ids}) + "\n" for ids in texts), encoding="utf-8")
        return path

    def bench(self, files):
        words = ",".join(f"corpus:{file}" for file in files)
        report = json.loads(self.call("bench", self.model, *self.where, "--want", "dense", "--shapes", words, "--seconds",
                                      self.options.seconds, "--json"))
        return trident_figures(report), report

    def turn(self, cells, sets):
        """One process for all shapes; where it fails, one for each, so that the others have figures."""
        live = [cell for cell in cells if not cell.stopped]
        files = [self.write(cell.shape, sets[cell.shape]) for cell in live]
        if not live:
            return
        try:
            figures, report = self.bench(files)
        except (OutOfMemory, RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired):
            figures, report = [None] * len(live), {}
        for cell, file, one in zip(live, files, figures):
            try:
                if one is None:
                    (one,), report = self.bench([file])
                cell.add(*one)
                cell.version = f"{report['commit']} {report['engine']}"
            except OutOfMemory as error:
                cell.stop(f"out of memory: {error}")
            except (RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                cell.stop(f"failed: {error}")

    def vectors(self, texts):
        source, out = self.write("quality", texts), self.options.work / "quality.out.jsonl"
        self.call("encode", self.model, *self.where, "--want", "dense", "-i", source, "-o", out, "-q")
        return [json.loads(line)["dense"] for line in out.read_text(encoding="utf-8").splitlines()]


# ---- the run -------------------------------------------------------------------------------------------------------------------


def make_model(options):
    """The folder with random weights, made where it is missing; its config.json comes last."""
    if options.model:
        return options.model
    folder = options.work / f"model-{options.layers}x{options.vocab}"
    if (folder / "config.json").exists():
        return folder
    say(f"making {folder}")
    if options.trident:
        words = ["bench", "--make-model", folder, "--shape", "bge-m3", "--layers", options.layers, "--vocab", options.vocab, "-q"]
        subprocess.run([str(options.trident), *map(str, words)], check=True)
        return folder
    import torch
    import transformers

    torch.manual_seed(20)
    config = transformers.XLMRobertaConfig(vocab_size=options.vocab, hidden_size=1024, intermediate_size=4096, num_attention_heads=16,
                                           num_hidden_layers=options.layers, max_position_embeddings=8194, type_vocab_size=1,
                                           layer_norm_eps=1e-5, bos_token_id=0, pad_token_id=1, eos_token_id=2)
    transformers.XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(MODULES))
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 1024, "pooling_mode_cls_token": True}))
    return folder


def ask_card(fields, which):
    try:
        done = subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits", "-i", which], capture_output=True,
                              text=True, timeout=20)
        return [word.strip() for word in done.stdout.splitlines()[0].split(",")] if done.returncode == 0 and done.stdout.strip() else []
    except (OSError, subprocess.TimeoutExpired):
        return []


class Run:
    def __init__(self, options):
        self.options, self.cells, self.attention = options, [], []
        self.deadline = time.monotonic() + 60 * options.minutes if options.minutes else math.inf
        options.work.mkdir(parents=True, exist_ok=True)
        self.card, self.why = None, ""
        try:
            self.card = gpu_engines.Card(options.device, options.precision)
        except Absent as error:
            self.why = f"not here: {error}"
        self.which = self.card.uuid() if self.card else options.device.partition(":")[2] or "0"
        name, driver = (ask_card("name,driver_version", self.which) or ["", ""]) if options.device != "cpu" else (machine(), "")
        self.facts = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "precision": options.precision,
                      "card": name or (self.card.name() if self.card else "unknown"), "driver": driver, "commit": commit()}

    def late(self):
        return time.monotonic() > self.deadline

    def new_cells(self, peer, note=""):
        made = [Cell(peer, s.name, len(s.lengths), s.tokens, s.tokens if peer == TRIDENT else s.padded, note) for s in self.options.all_shapes]
        self.cells += made
        return made

    def save(self):
        write_csv(self.options.csv, self.cells + self.attention, self.facts)

    def clock(self, cells):
        found = ask_card("clocks.sm", self.which) if self.options.device != "cpu" else []
        if found and found[0].isdigit():
            for cell in cells:
                cell.clocks.append(int(found[0]))

    # -- one peer, one shape ------------------------------------------------------------------------------------------------

    def guarded(self, cell, work):
        """Runs work(); on failure the cell's note says why, and the cell takes no more turns."""
        try:
            return self.card.attempt(work)
        except Absent as error:
            cell.stop(f"not here: {error}")
        except OutOfMemory as error:
            cell.stop(f"out of memory: {error}")
        except Exception as error:  # whatever a library raises: the other cells are still wanted
            cell.stop(f"failed: {type(error).__name__}: {error}".splitlines()[0][:200])
        return None

    def timed(self, launches, warm, launch):
        """launch(i) gives (GPU ms, wall ms); medians and how many. A long launch is repeated only as often as the protocol asks."""
        for i in range(warm):
            launch(i)
        least, gpu, wall = min(launches, math.ceil(LEAST / self.options.rounds)), [], []
        end = time.monotonic() + self.options.seconds
        for i in range(launches):
            one = launch(i)
            gpu.append(one[0])
            wall.append(one[1])
            if len(wall) >= least and time.monotonic() > end:
                break
        return None if gpu[0] is None else statistics.median(gpu), statistics.median(wall), len(wall)

    def draw(self, shape, turn, first):
        """--launches sets of ids for a shape, packed; the first is the one that Trident has."""
        torch, card, sets = self.card.torch, self.card, [self.card.pack([[first[i] for i in rows] for rows in shape.batches])]
        for _ in range(1, self.options.launches):
            batches = []
            for table, mask in sets[0]:
                fresh = torch.randint(SPECIALS, self.vocab, table.shape)
                fresh = torch.where(table < SPECIALS, table, fresh)  # specials and padding stay where they are
                batches.append((fresh.pin_memory() if card.is_card else fresh, mask))
            sets.append(batches)
        return sets

    def turn(self, peer, cell, shape, sets, first_time):
        if first_time:
            self.guarded(cell, lambda: peer.prepare(shape.name, shape.batches))
        if cell.stopped:
            return
        launch = lambda i: self.card.launch(peer, sets[i % len(sets)])[:2]
        found = self.guarded(cell, lambda: self.timed(self.options.launches, WARM_FIRST if first_time else WARM, launch))
        if found:
            cell.add(*found)

    # -- quality ------------------------------------------------------------------------------------------------------------

    def reference(self):
        """{shape: (ids of every text, f32 vectors of the first few)}."""
        out = {}
        for shape in self.options.all_shapes:
            texts = draw_ids(shape.lengths, self.vocab, "quality", shape.name)
            out[shape.name] = texts, gpu_engines.reference_vectors(self.card, self.model, texts[:QUALITY_TEXTS])
        return out

    def judge(self, peer, cell, shape, reference):
        texts, want = reference[shape.name]

        def compare():
            peer.prepare(shape.name, shape.batches)
            found = self.card.launch(peer, self.card.pack([[texts[i] for i in rows] for rows in shape.batches]))[2]
            first = self.card.torch.stack(unsort(shape.batches, found)[:len(want)])
            cell.cosine = gpu_engines.cosine_worst([first.cpu()], [want])

        self.guarded(cell, compare)

    def judge_trident(self, trident, cells, reference):
        for cell in cells:
            texts, want = reference[cell.shape]

            def compare():
                found = self.card.torch.tensor(trident.vectors(texts[:len(want)]))
                cell.cosine = gpu_engines.cosine_worst([found], [want])

            self.guarded(cell, compare)

    # -- everything ---------------------------------------------------------------------------------------------------------

    def open_peers(self):
        """[(peer, its cells)]; of those that cannot be opened the cells say why."""
        out = []
        for name in self.options.peer_names:
            if self.why:
                self.new_cells(name, self.why)
                continue
            cells = self.new_cells(name)
            say(f"opening {name}")
            peer = self.guarded(cells[0], lambda: gpu_engines.PEERS[name][1](self.card, self.model, self.options.work, self.options))
            if peer is None:
                for cell in cells:
                    cell.stop(cells[0].note)
                continue
            for cell in cells:
                cell.peer, cell.version = peer.name, peer.version
            out.append((peer, cells))
        return out

    def whole_models(self):
        options, shapes = self.options, self.options.all_shapes
        self.model = make_model(options)
        self.vocab = json.loads((self.model / "config.json").read_text())["vocab_size"]
        ours = self.new_cells(TRIDENT, "" if options.trident else "not here: no --trident")
        trident = Trident(options, self.model, shapes)
        reference = {}
        if self.card:
            say("reference vectors, f32 eager")
            try:
                reference = self.card.attempt(self.reference)
            except (Absent, OutOfMemory, RuntimeError) as error:
                say(f"no reference: {error}")
        if options.trident and reference:
            self.judge_trident(trident, ours, reference)
        peers = self.open_peers()
        for turn in range(options.rounds):
            if self.late():
                say(f"time is up after {turn} of {options.rounds} rounds")
                break
            say(f"round {turn + 1} of {options.rounds}")
            first = {s.name: draw_ids(s.lengths, self.vocab, turn, s.name) for s in shapes}
            if options.trident:
                if self.card:
                    self.card.forget()
                trident.turn(ours, first)
                self.clock(ours)
            sets = {s.name: self.draw(s, turn, first[s.name]) for s in shapes} if peers else {}
            for peer, cells in peers:
                for cell, shape in zip(cells, shapes):
                    if reference and turn == 0 and not cell.stopped and not self.late():
                        self.judge(peer, cell, shape, reference)
                    if not cell.stopped and not self.late():
                        self.turn(peer, cell, shape, sets[shape.name], turn == 0)
                self.clock(cells)
                self.card.forget()
            self.save()
        for cell in self.cells:
            if not cell.rounds and not cell.note:
                cell.stop("not run: time was up")

    def attention_alone(self):
        kernels = {}
        for name, lengths in (gpu_attention.SHAPES if self.options.device != "cpu" else gpu_attention.CPU_SHAPES).items():
            for kernel in gpu_attention.KERNELS:
                padded = len(lengths) * max(lengths)
                cell = Cell(kernel, name, len(lengths), sum(lengths), padded, self.why)
                cell.lengths = lengths
                self.attention.append(cell)
        if not self.card:
            return
        for turn in range(self.options.rounds):
            for cell in self.attention:
                if cell.stopped or self.late():
                    continue
                if cell.peer not in kernels:
                    kernels[cell.peer] = self.guarded(cell, lambda: gpu_attention.KERNELS[cell.peer](self.card)) or cell.note
                kernel = kernels[cell.peer]
                if isinstance(kernel, str):
                    cell.stop(kernel)
                    continue
                cell.version = kernel.version
                cell.padded = cell.tokens if kernel.packed else cell.padded
                if turn == 0:
                    cell.cosine = self.guarded(cell, lambda: gpu_attention.cosine(self.card, kernel, cell.lengths))
                launch = lambda i: gpu_attention.launch(self.card, kernel, cell.lengths)
                found = None if cell.stopped else self.guarded(cell, lambda: self.timed(self.options.launches, WARM, launch))
                if found:
                    cell.add(*found)
            self.clock(self.attention)
            self.card.forget()
            self.save()
        for cell in self.attention:
            if not cell.rounds and not cell.note:
                cell.stop("not run: time was up")


def plan_text(options):
    lines = [f"{options.layers} layers, vocabulary {options.vocab}, {options.precision}, {options.device}, {options.rounds} rounds, up to "
             f"{options.launches} launches a round, {options.peer_names and len(options.peer_names)} peers", "",
             f"{'shape':<10} {'texts':>6} {'tokens':>8} {'padded':>8} {'batches':>8}"]
    for s in options.all_shapes:
        lines.append(f"{s.name:<10} {len(s.lengths):6} {s.tokens:8} {s.padded:8} {len(s.batches):8}")
    lines += ["", f"{TRIDENT:<12} {options.trident or 'not here: no --trident'}"]
    for name in options.peer_names:
        missing = gpu_engines.modules_missing(name)
        lines.append(f"{name:<12} {'not here: no module ' + ', '.join(missing) if missing else 'its modules are here'} (needs {gpu_engines.PEERS[name][0]})")
    if options.attention:
        shapes = gpu_attention.SHAPES if options.device != "cpu" else gpu_attention.CPU_SHAPES
        lines += ["", "attention alone: " + ", ".join(shapes), "kernels: " + ", ".join(gpu_attention.KERNELS)]
    return "\n".join(lines)


def parse(words):
    parser = argparse.ArgumentParser(description="Trident beside its peers on one NVIDIA card.", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example:\n  python3 bench/gpu_peers.py --trident build/trident --precision f16 --minutes 9 --csv gpu_peers.csv")
    parser.add_argument("--trident", type=pathlib.Path, help="the program; without it the peers alone")
    parser.add_argument("--trident-words", default="", help='more flags for it, such as "--invariant"')
    parser.add_argument("--model", type=pathlib.Path, help="a folder to use instead of random weights; xlm-roberta")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--vocab", type=int, default=4096, help="rows of token embeddings of the random model [4096]")
    parser.add_argument("--device", default="cuda:0", help="cuda:N [cuda:0]")
    parser.add_argument("--precision", default="f16", choices=["f16", "bf16", "f32", "int8"], help="int8 is Trident's alone [f16]")
    parser.add_argument("--shapes", default=SHAPES, help=f"[{SHAPES}]")
    parser.add_argument("--compile-shapes", default=COMPILE_SHAPES, help=f"those for torch.compile, or all [{COMPILE_SHAPES}]")
    parser.add_argument("--trt-shapes", default="1x128,32x128", help="those for TensorRT, or all: engines take minutes [1x128,32x128]")
    parser.add_argument("--lengths", type=pathlib.Path, help="integers or JSON lines: the lengths of `varied`")
    parser.add_argument("--texts", type=int, default=256, help="of `varied`, at most [256]")
    parser.add_argument("--max-length", type=int, default=8192, help="longest of `varied` [8192]")
    parser.add_argument("--batch", type=int, default=32, help="texts of a padded batch of `varied` [32]")
    parser.add_argument("--peers", default=",".join(gpu_engines.PEERS), help=f"[{','.join(gpu_engines.PEERS)}]; none for Trident alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--launches", type=int, default=LEAST, help="of a shape in a round [50]")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a shape in a round, aimed at [1]")
    parser.add_argument("--minutes", type=float, default=0, help="no new turn after this many; 0 is no limit [0]")
    parser.add_argument("--no-attention", dest="attention", action="store_false", help="whole models only")
    parser.add_argument("--only-attention", action="store_true", help="attention alone only")
    parser.add_argument("--csv", type=pathlib.Path, default=pathlib.Path("gpu_peers.csv"), help="[gpu_peers.csv]")
    parser.add_argument("--work", type=pathlib.Path, help="for the model, graphs and engines [gpu_peers.work beside the CSV]")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and which peers are here")
    parser.add_argument("--cpu", action="store_true", help="two layers on the processor, tiny shapes: shows that it runs")
    asked = parser.parse_args(words)
    if asked.cpu:
        parser.set_defaults(**CPU)
        asked = parser.parse_args(words)
        asked.device = "cpu"
    return check(parser, asked)


def check(parser, asked):
    if min(asked.rounds, asked.launches, asked.batch, asked.texts, asked.layers) < 1 or asked.vocab < 2 * SPECIALS:
        parser.error("--rounds, --launches, --batch, --texts and --layers are 1 or more, --vocab 8 or more")
    asked.peer_names = [] if asked.peers == "none" else asked.peers.split(",")
    unknown = [name for name in asked.peer_names if name not in gpu_engines.PEERS]
    if unknown:
        parser.error(f"no peer {unknown[0]}; there are {', '.join(gpu_engines.PEERS)}")
    try:
        lengths = parse_lengths(asked.lengths.read_text(encoding="utf-8").splitlines()) if asked.lengths else usual_lengths()
        asked.all_shapes = parse_shapes(asked.shapes, choose_lengths(lengths, asked.texts, asked.max_length), asked.batch)
    except (OSError, ValueError) as error:
        parser.error(f"{asked.lengths or '--shapes'}: {error}")
    if asked.trident and not asked.trident.is_file():
        parser.error(f"--trident {asked.trident}: no such file")
    for name in ("compile_shapes", "trt_shapes"):
        words = getattr(asked, name)
        setattr(asked, name, None if words == "all" else words.split(","))
    asked.trident = asked.trident and asked.trident.resolve()
    asked.work = asked.work or asked.csv.parent / "gpu_peers.work"
    return asked


def main():
    options = parse(sys.argv[1:])
    if options.dry_run:
        print(plan_text(options))
        return 0
    run = Run(options)
    if not run.card and not options.trident:
        say(f"nothing to run: torch is {run.why}, and no --trident")
        return 3
    if not options.only_attention:
        run.whole_models()
    if options.attention or options.only_attention:
        run.attention_alone()
    run.save()
    print(f"{run.facts['card']}, driver {run.facts['driver'] or '-'}, commit {run.facts['commit']}, {options.precision}, {options.rounds} rounds\n")
    print(markdown(run.cells + run.attention))
    print(f"\n{options.csv} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())

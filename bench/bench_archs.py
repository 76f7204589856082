#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_archs.py: the other model families beside transformers on torch: GTE, ModernBERT, and a reranker of bge-reranker-v2-m3's shape.

    make bench-archs      or: .venv-bench/bin/python bench/bench_archs.py [TRIDENT] [--rounds 5] [--only gte,modernbert,reranker]

Random weights of the published shapes, a vocabulary of 4,096 rows (a gather costs the same), the same token ids for both, two
threads for both, one process each that loads once and then computes when told, A B A B. Attention by SDPA. torch gets batches
sorted by length, 32 a batch, padded, as sentence-transformers' encode and CrossEncoder.predict make them; tokenising is not timed.
The reranker is measured beside CrossEncoder's other backends, too (ONNX Runtime's fused graph, OpenVINO; peers/trunk.py), with two
and with four layers: what 24 take is t4 + 10 (t4 - t2), so that what the last layer saves (only the first row of a pair goes on)
counts once. Its 200 pairs are real questions and passages of cmrc2018 and scifact.

Quality beside it: cosine of the first rows (or the largest difference of a logit over their spread) against torch in f32."""
import argparse
import csv
import ctypes
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/peers")]
VOCABULARY, BATCH = 4096, 32
BACKENDS = (("onnxruntime", "f32"), ("openvino", "f32"), ("openvino", "bf16"))  # of CrossEncoder, beside torch
SHAPES = ("1x16", "1x128", "1x512", "8x128", "1x2048", "mixed")
COMMON = {"vocab_size": VOCABULARY, "hidden_size": 768, "num_attention_heads": 12, "max_position_embeddings": 8192, "pad_token_id": 1}
CONFIGS = {
    "gte": ("gte", COMMON | {"num_hidden_layers": 12, "intermediate_size": 3072, "type_vocab_size": 1,
                             "rope_parameters": {"rope_type": "linear", "rope_theta": 160000.0, "factor": 1.0671404}}),
    "modernbert": ("modernbert", COMMON | {"num_hidden_layers": 22, "intermediate_size": 1152, "cls_token_id": 0, "sep_token_id": 2}),
    "reranker-2": ("xlm-roberta", {"layers": 2}), "reranker-4": ("xlm-roberta", {"layers": 4}),
}


# ---- models and inputs ---------------------------------------------------------------------------------------------------

def make_model(name, folder):
    if (folder / "config.json").exists():
        return
    import torch
    import transformers
    kind, values = CONFIGS[name]
    torch.manual_seed(7)
    if "layers" in values:
        config = transformers.AutoConfig.for_model(
            kind, vocab_size=VOCABULARY, hidden_size=1024, num_hidden_layers=values["layers"], num_attention_heads=16,
            intermediate_size=4096, max_position_embeddings=8194, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            layer_norm_eps=1e-5, num_labels=1)
        model = transformers.AutoModelForSequenceClassification.from_config(config)
    else:
        model = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **values))
    model.save_pretrained(folder)


def random_ids(rng, shape):
    count, length = map(int, shape.split("x"))
    return [[0, *rng.integers(4, VOCABULARY, length - 2).tolist(), 2] for _ in range(count)]


def real_pairs(shared, tokenizer, n):
    """n questions with a passage, as <s> q </s></s> p </s> of at most 512 ids; the ids folded into the small vocabulary."""
    import tokenizers
    read = tokenizers.Tokenizer.from_file(str(tokenizer))
    read.no_truncation()
    pairs = []
    for name in ("cmrc2018", "scifact"):
        folder = shared / "data" / name
        corpus = {row["_id"]: (row.get("title", "") + " " + row["text"]).strip()
                  for row in map(json.loads, (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines())}
        asked, judged = (sorted(folder.glob(what))[0].read_text(encoding="utf-8").splitlines() for what in ("queries*.jsonl", "qrels*.tsv"))
        queries = {row["_id"]: row["text"] for row in map(json.loads, asked)}
        judged = [line.split("\t") for line in judged[1:]]
        chosen = [(queries[q], corpus[d]) for q, d, *_ in judged if q in queries and d in corpus][:n // 2]
        pairs += [read.encode(q, p).ids[:512] for q, p in chosen]
    return [[i if i < 4 else 4 + i % (VOCABULARY - 4) for i in ids] for ids in pairs]


# ---- one engine in a process of its own ------------------------------------------------------------------------------------

class Torch:
    def __init__(self, folder, precision, threads, is_reranker):
        os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
        import torch
        import transformers
        torch.set_num_threads(threads)
        kind = transformers.AutoModelForSequenceClassification if is_reranker else transformers.AutoModel
        dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
        self.torch, self.is_reranker = torch, is_reranker
        self.model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval()
        self.version = f"transformers {transformers.__version__}, torch {torch.__version__}"

    def run(self, texts):
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        out = [None] * len(texts)
        with self.torch.inference_mode():
            for at in range(0, len(order), BATCH):
                part = order[at:at + BATCH]
                longest = max(len(texts[i]) for i in part)
                ids = self.torch.full((len(part), longest), 1, dtype=self.torch.long)
                mask = self.torch.zeros_like(ids)
                for row, i in enumerate(part):
                    ids[row, :len(texts[i])] = self.torch.tensor(texts[i])
                    mask[row, :len(texts[i])] = 1
                answer = self.model(input_ids=ids, attention_mask=mask)
                rows = answer.logits if self.is_reranker else answer.last_hidden_state[:, 0]
                for row, i in enumerate(part):
                    out[i] = rows[row].float().numpy()
        return out


class Trident:
    def __init__(self, program, folder, precision, threads, is_reranker):
        from worker_trident import EmbedOptions, EngineOptions, Input, ModelOptions, SessionOptions
        import worker_trident

        class Pair(ctypes.Structure):
            _fields_ = [("query", ctypes.c_char_p), ("query_len", ctypes.c_size_t), ("passage", ctypes.c_char_p),
                        ("passage_len", ctypes.c_size_t), ("ids", ctypes.POINTER(ctypes.c_uint32)), ("types", ctypes.c_void_p),
                        ("n_ids", ctypes.c_size_t)]

        class Score(ctypes.Structure):
            _fields_ = [("logit", ctypes.c_float), ("score", ctypes.c_float), ("tokens", ctypes.c_size_t), ("windows", ctypes.c_size_t),
                        ("query_cut", ctypes.c_size_t), ("passage_cut", ctypes.c_size_t), ("bad", ctypes.c_size_t)]

        self.is_reranker, self.kinds = is_reranker, (Input, Pair, Score)
        self.engine = worker_trident.Trident()
        self.engine.lib = lib = ctypes.CDLL(str(pathlib.Path(program).resolve().parent / "libtrident.so"))
        lib.tri_embeddings_dense.restype, lib.tri_embeddings_dense.argtypes = worker_trident.DenseView, [ctypes.c_void_p, ctypes.c_size_t]
        lib.tri_embeddings_free.argtypes = [ctypes.c_void_p]
        lib.tri_embed.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
        lib.tri_rerank.argtypes = lib.tri_embed.argtypes
        engine, model, self.session = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        options = self.engine.options(EngineOptions, "tri_engine_options_init")
        options.threads, options.precision = threads, precision.encode()
        self.engine.call("tri_engine_open", ctypes.byref(options), ctypes.byref(engine))
        options = self.engine.options(ModelOptions, "tri_model_options_init")
        options.no_tokenizer = 1
        self.engine.call("tri_model_open", engine, str(folder).encode(), ctypes.byref(options), ctypes.byref(model))
        options = self.engine.options(SessionOptions, "tri_session_options_init")
        self.engine.call("tri_session_new", model, ctypes.byref(options), ctypes.byref(self.session))
        self.embed_options = self.engine.options(EmbedOptions, "tri_embed_options_init")
        lib.tri_engine_describe.restype, lib.tri_engine_describe.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
        self.version = "trident, " + lib.tri_engine_describe(engine).decode()

    def run(self, texts):
        Input, Pair, Score = self.kinds
        arrays = [(ctypes.c_uint32 * len(one))(*one) for one in texts]
        inputs = ((Pair if self.is_reranker else Input) * len(texts))()
        for one, array in zip(inputs, arrays):
            one.ids, one.n_ids = ctypes.cast(array, ctypes.POINTER(ctypes.c_uint32)), len(array)
        if self.is_reranker:
            scores = (Score * len(texts))()
            self.engine.call("tri_rerank", self.session, None, inputs, len(texts), scores)
            return [np.array([one.logit]) for one in scores]
        out = ctypes.c_void_p()
        self.engine.call("tri_embed", self.session, ctypes.byref(self.embed_options), inputs, len(texts), ctypes.byref(out))
        views = [self.engine.lib.tri_embeddings_dense(out, i) for i in range(len(texts))]
        rows = [np.ctypeslib.as_array(view.values, (view.dim,)).copy() for view in views]
        self.engine.lib.tri_embeddings_free(out)
        return rows


def serve(ask):
    """Loads, then answers each line {"texts": name, "keep": file or null} with seconds."""
    made = (Trident(ask["trident"], ask["folder"], ask["precision"], ask["threads"], ask["reranker"]) if ask["engine"] == "trident"
            else Torch(ask["folder"], ask["precision"], ask["threads"], ask["reranker"]))
    texts = json.loads(pathlib.Path(ask["texts"]).read_text())
    print(json.dumps({"version": made.version}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        began = time.perf_counter()
        rows = made.run(texts[job["texts"]])
        seconds = time.perf_counter() - began
        if job.get("keep"):
            np.save(job["keep"], np.array(rows))
        print(json.dumps({"seconds": seconds}), flush=True)


class Worker:
    def __init__(self, **ask):
        self.process = subprocess.Popen([sys.executable, __file__, "--serve", json.dumps(ask)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.version = json.loads(self.process.stdout.readline())["version"]

    def run(self, texts, keep=None):
        self.process.stdin.write(json.dumps({"texts": texts, "keep": keep}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- the comparison --------------------------------------------------------------------------------------------------------

def agreement(work, name, shape, is_reranker):
    want = np.load(work / f"{name}-torch-f32.npy").astype(np.float64)
    out = {}
    for precision in ("f32", "bf16"):
        got = np.load(work / f"{name}-trident-{precision}.npy").astype(np.float64)
        if is_reranker:
            out[precision] = f"{np.abs(got - want).max() / max(np.ptp(want), 1e-9):.2e} of the logits' spread"
        else:
            cosine = (got * want).sum(1) / np.sqrt((got * got).sum(1) * (want * want).sum(1))
            out[precision] = f"cosine {cosine.min():.6f}"
    return out


def measure(args, work, name, texts, rounds):
    from trunk import Trunk
    folder, is_reranker = work / name, name.startswith("reranker")
    make_model(name, folder)
    (work / f"{name}.json").write_text(json.dumps(texts))
    keys = [("trident", "f32"), ("torch", "f32"), ("trident", "bf16"), ("torch", "bf16")]
    workers = {key: Worker(engine=key[0], precision=key[1], folder=str(folder), threads=2, reranker=is_reranker, trident=args.trident,
                           texts=str(work / f"{name}.json")) for key in keys}
    if is_reranker:
        for key in BACKENDS:
            workers[key] = Trunk(*key, folder, work / "backends", work / f"{name}.json", 2)
            keys.append(key)
    first = next(iter(texts))
    for key, one in workers.items():
        one.run(first, keep=str(work / f"{name}-{key[0]}-{key[1]}.npy"))
    times = {(key, shape): [] for key in keys for shape in texts}
    for _ in range(rounds):
        for shape in texts:
            for key in keys:
                workers[key].run(shape) if len(texts[shape]) == 1 else None  # warm
                times[key, shape].append(workers[key].run(shape))
    versions = {key: one.version for key, one in workers.items()}
    for one in workers.values():
        one.close()
    return {where: statistics.median(values) for where, values in times.items()}, versions, agreement(work, name, first, is_reranker)


def keep_results(path, rows):
    """Rows of models that were measured now take the place of their older ones."""
    head = ["date", "machine", "commit", "model", "shape", "precision", "trident_ms", "peer", "peer_ms", "ratio", "tokens_per_s", "quality"]
    old = list(csv.reader(path.open(newline="", encoding="utf-8")))[1:] if path.exists() else []
    measured = {row[3] for row in rows}
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerows([head, *(row for row in old if row[3] not in measured), *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("trident", nargs="?", default=str(ROOT / "build/trident"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="gte,modernbert,reranker")
    parser.add_argument("--pairs", type=int, default=200, help="of the reranker, half from each set")
    parser.add_argument("--shared", type=pathlib.Path, default=ROOT / "../shared")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(json.loads(args.serve))
    from bench_quality import commit, machine
    work = ROOT / "build/bench-archs"
    work.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    texts = {shape: random_ids(rng, shape) for shape in SHAPES if shape[0].isdigit()}
    texts["mixed"] = [random_ids(rng, f"1x{n}")[0] for n in rng.integers(16, 512, 64)]
    rows = []

    def add(name, shape, precision, ours, peer, theirs, quality):
        tokens = sum(map(len, texts.get(shape, pairs if name == "reranker" else [])))
        rows.append([datetime.date.today().isoformat(), machine(), commit(), name, shape, precision, f"{ours * 1e3:.2f}",
                     peer, f"{theirs * 1e3:.2f}", f"{theirs / ours:.3f}", f"{tokens / ours:.0f}", quality])
        print(f"{name:<11} {shape:<8} {precision:<10} {ours * 1e3:>10.2f} ms  {peer} {theirs * 1e3:>10.2f} ms  ratio {theirs / ours:.2f}  {quality}",
              flush=True)

    pairs = []
    for name in args.only.split(","):
        if name == "reranker":
            pairs = real_pairs(args.shared, pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) /
                               "trident/models/small-m3/tokenizer.json", args.pairs)
            shape = f"{args.pairs} pairs"
            two, _, _ = measure(args, work, "reranker-2", {shape: pairs}, args.rounds)
            four, _, quality = measure(args, work, "reranker-4", {shape: pairs}, args.rounds)
            whole = {key: four[key, shape] + 10 * (four[key, shape] - two[key, shape]) for key, _ in four}
            for peer, precision in (key for key in whole if key[0] != "trident"):
                add("reranker", shape, precision, whole["trident", precision], peer, whole[peer, precision], quality[precision])
            best = min((key for key in whole if key[0] != "trident" and key[1] == "f32"), key=whole.get)
            add("reranker", shape, "bf16:f32", whole["trident", "bf16"], best[0], whole[best], quality["bf16"])
            continue
        times, _, quality = measure(args, work, name, texts, args.rounds)
        for precision in ("f32", "bf16"):
            for shape in texts:
                add(name, shape, precision, times[("trident", precision), shape], "torch", times[("torch", precision), shape],
                    quality[precision])
    keep_results(ROOT / "bench/results/archs.csv", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_gguf.py: do `trident export gguf` and `trident export hf` keep their contract, and does every command take a .gguf file? On the
tiny model; and where llama-cpp-python (.venv-peers-llama) and transformers (.venv-bench) are there, do they load what was written?"""
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

from tap import ROOT, check, plan, skip, trident

TINY = ROOT / "tests/golden/tiny/model"
OTHERS = ROOT / "tests/golden/gguf"
TEXTS = ["the model gives a vector", "search, query and answer", "one"]


def encode(model, texts, *words):
    run = trident("encode", model, "-i", texts, "-o", "-", "-q", *words)
    return run.stdout if run.returncode == 0 else run.stderr


def dense(text):
    return [json.loads(line)["dense"] for line in text.splitlines()]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def check_forms(folder, texts):
    want = encode(TINY, texts)
    for dtype, bar in (("f32", 1), ("f16", 0.99999), ("q8_0", 0.999)):
        file = folder / f"tiny-{dtype}.gguf"
        made = trident("export", "gguf", TINY, "-o", file, "--dtype", dtype, "--json")
        facts = json.loads(made.stdout or "{}")
        heads = folder / f"tiny-{dtype}.heads.gguf"
        check(made.returncode == 0 and facts.get("file") == str(file) and facts.get("heads_file") == str(heads)
              and facts["dtype"] == dtype and facts["bytes"] == file.stat().st_size + heads.stat().st_size, f"{dtype}: written", made)
        got = encode(file, texts)
        if dtype == "f32":
            check(got == want and want.startswith("{"), "f32: the same bytes of all three heads", got)
        worst = min(cosine(a, b) for a, b in zip(dense(want), dense(got)))
        check(worst >= bar - 1e-6 and '"sparse"' in got and '"multi"' in got, f"{dtype}: three heads, cosine {worst:.6f}", got[:300])
    heads.unlink()
    alone = json.loads(trident("info", file, "--json").stdout)
    check(alone["dense"] and not alone["sparse"] and alone["weights_dtype"] == "q8_0", "without its second file: dense alone", alone)


def check_commands(folder, texts):
    file = folder / "tiny-f32.gguf"
    same = trident("tokenize", TINY, "-i", texts).stdout == trident("tokenize", file, "-i", texts).stdout
    check(same, "tokenize: the same ids")
    corpus = folder / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": str(i), "text": t}) + "\n" for i, t in enumerate(TEXTS)))
    made = trident("index", file, corpus, "-o", folder / "index", "-q")
    found = trident("search", folder / "index", corpus, "-q")
    check(made.returncode == 0 and found.returncode == 0 and found.stdout, "index and search", made.stderr + found.stderr)
    doctor = trident("doctor", file)
    check("tiny-f32.heads.gguf" in doctor.stdout and "files" in doctor.stdout, "doctor", doctor)
    packed = trident("export", "packed", file, "--precision", "bf16", "-q")
    info = json.loads(trident("info", file, "--precision", "bf16", "--json").stdout)
    check(packed.returncode == 0 and info["packed_file"] == str(folder / "tiny-f32.trident-bf16.packed"), "packed beside it", info)
    for name, words in (("bert", "wordpiece"), ("xlmr", "unigram"), ("nomic", "wordpiece")):
        info = json.loads(trident("info", OTHERS / f"{name}.gguf", "--json").stdout)
        check(info["tokenizer"] == words and info["dense_dim"] == 32, f"another maker's file: {name}", info)
    run = trident("tokenize", OTHERS / "xlmr.gguf", "-i", texts_file(folder, "hello world, abab\n<mask> hello"))
    ids = [json.loads(line)["ids"] for line in run.stdout.splitlines()]
    check(ids == [[0, 5, 6, 7, 8, 4, 9, 10, 9, 10, 2], [0, 11, 5, 2]], "Unigram out of llama.cpp's keys, <mask> under [PADn]", run)
    run = trident("tokenize", OTHERS / "bert.gguf", "-i", texts_file(folder, "Hello world, abab"))
    check(json.loads(run.stdout)["ids"] == [2, 5, 6, 7, 8, 1, 3], "WordPiece out of phantom spaces", run)


def flatten(source, name, to):
    """The file as llama.cpp's own tools write it: the one row of tensor NAME as a vector, dimensions of 1 left out."""
    whole = source.read_bytes()
    last = list(re.finditer(rb"\.(?:weight|bias)", whole))[-1].end()
    end = last + 4 + 8 * struct.unpack_from("<I", whole, last)[0] + 12
    at = whole.index(name.encode()) + len(name)
    check(struct.unpack_from("<I", whole, at)[0] == 2 and struct.unpack_from("<Q", whole, at + 12)[0] == 1, f"{name} has one row")
    front = whole[:at] + struct.pack("<I", 1) + whole[at + 4:at + 12] + whole[at + 20:end]
    to.write_bytes(front + bytes(-len(front) % 32) + whole[end + -end % 32:])


def check_flat(folder, texts):
    flatten(OTHERS / "xlmr.gguf", "token_types.weight", folder / "flat.gguf")
    info = json.loads(trident("info", folder / "flat.gguf", "--json").stdout or "{}")
    check(info.get("architecture") == "xlm-roberta", "one token type as a vector: XLM-RoBERTa all the same", info)
    check(encode(folder / "flat.gguf", texts) == encode(OTHERS / "xlmr.gguf", texts), "and the same bytes")
    made = trident("export", "gguf", ROOT / "tests/golden/models/bert-ce-identity/model", "-o", folder / "ce.gguf", "--dtype", "f32")
    pair = folder / "pair.jsonl"
    pair.write_text(json.dumps({"query": "fage", "passages": ["limu", "hati limu vede"]}) + "\n")
    flatten(folder / "ce.gguf", "cls.output.weight", folder / "flat-ce.gguf")
    want, got = (trident("rerank", folder / name, "-i", pair, "-q") for name in ("ce.gguf", "flat-ce.gguf"))
    check(made.returncode == 0 and got.returncode == 0 and got.stdout == want.stdout, "a classifier's row as a vector", got)


def texts_file(folder, text):
    path = folder / "some.txt"
    path.write_text(text + "\n")
    return path


def check_folders(folder, texts):
    for source, to in ((TINY, "hf-folder"), (folder / "tiny-f32.gguf", "hf-file"), (OTHERS / "xlmr.gguf", "hf-xlmr"),
                       (OTHERS / "nomic.gguf", "hf-nomic"), (OTHERS / "bert.gguf", "hf-bert")):
        made = trident("export", "hf", source, "-o", folder / to, "--json")
        names = {p.name for p in (folder / to).iterdir()} if made.returncode == 0 else set()
        check(made.returncode == 0 and json.loads(made.stdout)["folder"] == str(folder / to)
              and {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "modules.json"} <= names,
              f"{to}: written", made)
        check(encode(folder / to, texts) == encode(source, texts), f"{to}: the same bytes")
    again = trident("export", "hf", TINY, "-o", folder / "hf-file")
    check(again.returncode == 1 and "--force" in again.stderr, "a model that is there stays", again)
    again = trident("export", "hf", TINY, "-o", folder / "hf-file", "--force", "-q")
    check(again.returncode == 0, "unless it may go", again)


def check_refusals(folder):
    cut = folder / "cut.gguf"
    cut.write_bytes((OTHERS / "bert.gguf").read_bytes()[:5000])
    cases = [
        ("no place", ["export", "gguf", TINY], 2, "-o FILE"),
        ("no folder", ["export", "hf", TINY], 2, "-o FOLDER"),
        ("standard output", ["export", "gguf", TINY, "-o", "-"], 2, "standard output"),
        ("no name", ["export", "hf", TINY, "-o", ""], 2, "standard output"),
        ("a type that is none", ["export", "gguf", TINY, "-o", folder / "x.gguf", "--dtype", "q4_0"], 2, "q4_0"),
        ("a type of a folder", ["export", "hf", TINY, "-o", folder / "x", "--dtype", "f16"], 2, "--dtype"),
        ("a type of a packed file", ["export", "packed", TINY, "--dtype", "f16"], 2, "--dtype"),
        ("GTE", ["export", "gguf", ROOT / "tests/golden/models/gte-ntk/model", "-o", folder / "x.gguf"], 1, "GGUF"),
        ("a folder onto itself", ["export", "hf", TINY, "-o", TINY, "--force"], 1, "it is the model"),
        ("a cut file", ["info", cut], 1, "cut.gguf"),
        ("a file that is no model", ["info", TINY / "config.json"], 1, "GGUF"),
        ("blocks without a model", ["info", OTHERS / "blocks.gguf"], 1, "blocks"),
    ]
    for what, words, rc, text in cases:
        run = trident(*words)
        check(run.returncode == rc and text in run.stderr and run.stdout == "" and run.stderr.count("\n") == 1, what, run)
    check(not (folder / "x.gguf").exists() and not (folder / "x").exists(), "nothing was left by them")


def python_of(venv):
    for root in (ROOT, ROOT.parent / "main"):
        path = root / venv / "bin/python"
        if path.exists():
            return path
    return None


LLAMA = """
import json, sys, llama_cpp
for path in sys.argv[2:]:
    m = llama_cpp.Llama(model_path=path, embedding=True, verbose=False, n_ctx=512)
    texts = json.loads(sys.argv[1])
    print(json.dumps({"ids": [m.tokenize(t.encode(), special=False) for t in texts], "dense": [m.embed(t) for t in texts]}))
"""
HF = """
import json, os, sys
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
import torch
from sentence_transformers import SentenceTransformer
for path in sys.argv[2:]:
    m = SentenceTransformer(path, device="cpu", model_kwargs={"torch_dtype": torch.float32})
    print(json.dumps({"dense": m.encode(json.loads(sys.argv[1]), prompt="").tolist(),
                      "heads": [list(torch.load(os.path.join(path, n), weights_only=True)["weight"].shape)
                                for n in ("sparse_linear.pt", "colbert_linear.pt") if os.path.exists(os.path.join(path, n))]}))
"""


def check_others(folder, what, venv, script, paths, texts):
    python = python_of(venv)
    if not python:
        return skip(what, f"no {venv}")
    run = subprocess.run([str(python), "-c", script, json.dumps(TEXTS), *map(str, paths)], capture_output=True, text=True)
    lines = run.stdout.splitlines()
    check(run.returncode == 0 and len(lines) == len(paths), f"{what}: loads", run.stderr)
    for path, line in zip(paths, lines):
        got, ours = json.loads(line), dense(encode(path, texts, "--want", "dense", "--role", "none"))
        worst = min(cosine(a, b) for a, b in zip(got["dense"], ours))
        check(worst >= 0.9999, f"{what}: {path.name}: cosine {worst:.7f}")
        if "ids" in got:
            ids = [json.loads(x)["ids"] for x in trident("tokenize", path, "-i", texts).stdout.splitlines()]
            check(ids == got["ids"], f"{what}: {path.name}: the same ids", f"{ids} {got['ids']}")
        if path.name in ("hf-folder", "hf-file"):
            check(len(got["heads"]) == 2 and got["heads"][0][0] == 1, f"{what}: {path.name}: torch loads the heads", got["heads"])
    return None


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        texts = folder / "texts.txt"
        texts.write_text("\n".join(TEXTS) + "\n")
        check_forms(folder, texts)
        check_commands(folder, texts)
        check_flat(folder, texts)
        check_folders(folder, texts)
        check_refusals(folder)
        files = [folder / "tiny-f32.gguf", folder / "tiny-f16.gguf"]
        for model in ("small-m3", "minilm"):
            to = folder / f"{model}.gguf"
            if trident("export", "gguf", model, "-o", to, "--dtype", "f16", "-q").returncode == 0:
                files.append(to)
        check_others(folder, "llama.cpp", ".venv-peers-llama", LLAMA, files, texts)
        check_others(folder, "sentence-transformers", ".venv-bench", HF, [folder / "hf-folder", folder / "hf-file"], texts)
    return plan()


if __name__ == "__main__":
    sys.exit(main())

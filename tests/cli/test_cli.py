#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_cli.py: does the command line keep its contract (docs/cli)? Words, JSON shapes, exit codes, bad input, interrupted work.

Runs the real binary on the tiny model (tests/golden/tiny). Each check is a TAP line; data is made here."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRIDENT = os.path.join(os.path.abspath(os.environ.get("TRI_BUILD", os.path.join(ROOT, "build"))), "trident")
MODEL = os.path.join(ROOT, "tests", "golden", "tiny", "model")
WORK = tempfile.mkdtemp(prefix="trident-cli-")
count = failures = 0


def ok(condition, name, why=""):
    global count, failures
    count += 1
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {count} - {name}")
    if not condition and why:
        print("# " + str(why).replace("\n", "\n# ")[:1500])
    return condition


class Result:
    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err

    def __str__(self):
        return f"rc {self.rc}\nstdout {self.out[:500]!r}\nstderr {self.err[:800]!r}"

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def run(*args, stdin="", env=None, stdout=subprocess.PIPE, timeout=120):
    data = stdin if isinstance(stdin, bytes) else stdin.encode()
    full = dict(os.environ, **(env or {}))
    p = subprocess.run([TRIDENT, *args], input=data, stdout=stdout, stderr=subprocess.PIPE, cwd=WORK, env=full, timeout=timeout)
    return Result(p.returncode, (p.stdout or b"").decode(errors="replace"), p.stderr.decode(errors="replace"))


def write(name, data):
    path = os.path.join(WORK, name)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def write_jsonl(name, objects):
    return write(name, "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects))


def read_jsonl(path):
    with open(os.path.join(WORK, path), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def read_safetensors(path):
    with open(os.path.join(WORK, path), "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    codes = {"F32": "f", "I32": "i", "I64": "q"}
    out = {"metadata": header.pop("__metadata__")}
    for name, t in header.items():
        a, b = t["data_offsets"]
        raw = data[8 + n + a:8 + n + b]
        out[name] = (t["shape"], list(struct.unpack(f"<{len(raw) // struct.calcsize(codes[t['dtype']])}{codes[t['dtype']]}", raw)))
    return out


def leftovers():
    return [n for n in os.listdir(WORK) if ".tmp" in n or ".part" in n]


with open(os.path.join(MODEL, "tokenizer.json"), encoding="utf-8") as tokenizer_file:
    WORDS = [piece[1:] for piece, _ in json.load(tokenizer_file)["model"]["vocab"] if piece[0] == "\u2581" and len(piece) > 1]


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


# ---- the frame ----------------------------------------------------------------------------------------------------------


def test_frame():
    r = run("--help")
    ok(r.rc == 0 and "usage: trident COMMAND" in r.out and not r.err, "--help goes to standard output", r)
    r = run("--version")
    ok(r.rc == 0 and r.out.startswith("trident ") and r.out.count("\n") == 1, "--version", r)
    r = run()
    ok(r.rc == 2 and not r.out and r.err.count("\n") == 1, "no command is wrong usage", r)
    r = run("tokenise")
    ok(r.rc == 2 and "tokenise" in r.err and "trident tokenize" in r.err, "an unknown command names the nearest", r)
    r = run("list", "status")
    codes = {line.split("\t")[0]: int(line.split("\t")[1]) for line in r.out.splitlines()}
    ok(codes.get("OK") == 0 and codes.get("ERR_CANCELLED") == 130 and len(codes) >= 13 and set(codes.values()) == {0, 1, 130},
       "every status has an exit code", r)
    commands = [line.split("\t")[0] for line in run("list", "command").out.splitlines()]
    flags = {}
    for line in run("list", "flag").out.splitlines():
        command, flag = line.split("\t")
        flags.setdefault(command, []).append(flag)
    for command in commands:
        r = run(command, "--help")
        examples = r.out.split("Examples:\n")[-1].splitlines()
        shown = all(flag + " " in r.out or flag + "\n" in r.out for flag in flags[command])
        ok(r.rc == 0 and len(examples) == 2 and all("trident " + command in e for e in examples) and shown and not r.err,
           f"{command} --help has its flags and two examples", r)
    ok(run("help", "encode").out == run("encode", "--help").out, "help COMMAND is COMMAND --help")


def test_usage():
    good = write_jsonl("one.jsonl", [{"text": "a"}])
    cases = [
        ("a flag that is not known", ["encode", MODEL, "--wnat", "dense"], ["--wnat", "--want"]),
        ("a flag without its value", ["encode", MODEL, "--want"], ["--want", "dense,sparse,multi"]),
        ("a flag in place of a value", ["encode", MODEL, "--want", "--skip-bad"], ["--want"]),
        ("a value for a switch", ["encode", MODEL, "--skip-bad=yes"], ["--skip-bad"]),
        ("a count that is none", ["encode", MODEL, "--max-length", "many"], ["--max-length", "many"]),
        ("a negative count", ["encode", MODEL, "--max-length", "-5"], ["-5"]),
        ("a choice that is none", ["encode", MODEL, "--on-long", "cry"], ["truncate|error", "cry"]),
        ("a size that is none", ["encode", MODEL, "--memory-limit", "big"], ["--memory-limit", "big"]),
        ("a precision that is none", ["encode", MODEL, "--precision", "f33"], ["f33"]),
        ("a want that is none", ["encode", MODEL, "--want", "dense,spares"], ["spares"]),
        ("no model", ["encode"], ["MODEL"]),
        ("one argument too many", ["encode", MODEL, "x"], ['"x"']),
        (".npy of more than dense", ["encode", MODEL, "-i", good, "-o", "x.npy", "--want", "dense,sparse"], [".npy", "--want dense"]),
        (".npy of everything", ["encode", MODEL, "-i", good, "-o", "x.npy"], [".npy", "--want dense"]),
        (".npy to standard output", ["encode", MODEL, "-i", good, "--to", "npy", "--want", "dense"], ["standard output"]),
        ("an output suffix that says nothing", ["encode", MODEL, "-i", good, "-o", "x.bin"], ["x.bin", "--to"]),
        ("weights that are none", ["score", MODEL, "-i", good, "--weights", "1,2"], ["1,2"]),
        ("weights that are all 0", ["score", MODEL, "-i", good, "--weights", "0,0,0"], ["0,0,0"]),
        ("index without -o", ["index", MODEL, good], ["-o DIR"]),
        ("index of two minds", ["index", "--add", "--check", "d"], ["--add"]),
        ("index --check of two", ["index", "--check", "d", "e"], ["--check DIR"]),
        ("search -k 0", ["search", "d", good, "-k", "0"], ["-k"]),
        ("search with a threshold that is none", ["search", "d", good, "--threshold", "mean:1"], ["mean:1"]),
        ("search --explain into a run", ["search", "d", good, "--explain", "-o", "x.trec"], ["--explain"]),
        ("a kind that is none", ["list", "things"], ["things"]),
    ]
    for name, args, expected in cases:
        r = run(*args)
        ok(r.rc == 2 and not r.out and r.err.count("\n") == 1 and all(w in r.err for w in expected), "wrong usage: " + name, r)
    r = run("tokenize", "--max-length=3", MODEL, "-i-", stdin='{"text": "a b c d e"}\n')
    ok(r.rc == 0 and len(r.lines()[0]["ids"]) == 3, "--flag=value and -iVALUE", r)
    r = run("tokenize", "--", MODEL, stdin='{"text": "a"}\n')
    ok(r.rc == 0, "-- ends the flags", r)
    r = run("tokenize", "--max-length", "3", "--max-length", "4", MODEL, stdin='{"text": "a b c d e"}\n')
    ok(len(r.lines()[0]["ids"]) == 4, "a flag given twice: the last one counts", r)


def test_failures():
    one = write_jsonl("one.jsonl", [{"text": "a"}])
    os.makedirs(os.path.join(WORK, "folder.jsonl"), exist_ok=True)
    cases = [
        ("a model that is not there", ["encode", "no/such-model", "-i", one], ["no/such-model", "trident pull no/such-model"]),
        ("an input that is not there", ["encode", MODEL, "-i", "nothing.jsonl"], ["nothing.jsonl"]),
        ("an input that is a folder", ["encode", MODEL, "-i", "folder.jsonl"], ["folder.jsonl", "directory"]),
        ("an output that is a folder", ["encode", MODEL, "-i", one, "-o", "folder.jsonl"], ["folder.jsonl", "directory"]),
        ("an output in no folder", ["encode", MODEL, "-i", one, "-o", "no/where.jsonl"], ["no/where.jsonl"]),
        ("a length that the model has not", ["encode", MODEL, "-i", one, "--max-length", "100000"], ["100000", "128"]),
        ("a device that is none", ["encode", MODEL, "-i", one, "--device", "abacus"], ["abacus"]),
        ("an instruction set that is none", ["encode", MODEL, "-i", one, "--isa", "mmx"], ["mmx"]),
        ("a dim that the model has not", ["encode", MODEL, "-i", one, "--dim", "65"], ["65"]),
        ("memory that is not allowed", ["encode", MODEL, "-i", one, "--memory-limit", "1k"], ["1024"]),
        ("an index that is not there", ["search", "no-index", one], ["no-index"]),
        ("--check of no index", ["index", "--check", "no-index"], ["no-index"]),
        ("--add to no index", ["index", "--add", "no-index", one], ["no-index"]),
    ]
    for name, args, expected in cases:
        r = run(*args)
        ok(r.rc == 1 and not r.out and r.err.count("\n") == 1 and all(w in r.err for w in expected), "failure: " + name, r)
    r = run("encode", MODEL, "-i", one, env={"TRIDENT_ISA": "mmx"})
    ok(r.rc == 1 and "mmx" in r.err, "TRIDENT_ISA stands for --isa", r)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            r = run("tokenize", MODEL, stdin='{"text": "a"}\n', stdout=full)
        ok(r.rc == 1 and "standard output" in r.err, "a full disk behind standard output", r)
        with open("/dev/full", "wb") as full:
            ok(run("--help", stdout=full).rc == 1, "help to a full disk fails")
    if os.geteuid() != 0:
        path = write("secret.jsonl", "{}")
        os.chmod(path, 0)
        r = run("encode", MODEL, "-i", path)
        ok(r.rc == 1 and "ermission" in r.err, "an input without permission", r)
    ok(not leftovers(), "no temporary file is left behind", leftovers())


# ---- tokenize ------------------------------------------------------------------------------------------------------------


def test_tokenize():
    r = run("tokenize", MODEL, stdin='{"text": "gekitoke nise"}\n{"text": "gekitoke nise", "pair": null, "max_length": null, "extra": 1}\n')
    a, b = r.lines()
    ok(r.rc == 0 and list(a) == ["ids", "type_ids", "truncated"] and a == b and a["truncated"] is False and a["ids"][0] == 0
       and a["ids"][-1] == 2 and len(a["type_ids"]) == len(a["ids"]), "tokenize: shape; null is absent, unknown keys are ignored", r)
    full = a["ids"]
    r = run("tokenize", MODEL, "--pieces", "--no-specials", stdin='{"text": "gekitoke nise"}\n')
    p = r.lines()[0]
    ok(p["ids"] == full[1:-1] and len(p["pieces"]) == len(p["ids"]) and all(isinstance(x, str) for x in p["pieces"]),
       "tokenize --pieces --no-specials", r)
    long_text = json.dumps({"text": "a b c d e f g h"})
    r = run("tokenize", MODEL, "--max-length", "4", stdin=long_text + "\n" + json.dumps({"text": "a b c d e f g h", "max_length": 6})
            + "\n" + json.dumps({"text": "a b c d e f g h", "max_length": 0}) + "\n")
    x, y, z = r.lines()
    ok(len(x["ids"]) == 4 and x["truncated"] and len(y["ids"]) == 6 and not z["truncated"] and len(z["ids"]) > 6,
       "tokenize: the line's max_length wins; 0 is no limit", r)
    bad = ['{"text": "ok"}', "{bad", '{"text": 5}', "[1]", '{"pair": "x"}', '{"text": "a", "strategy": "both"}',
           '{"text": "a", "max_length": -1}', '{"text": null}', '{"text": "ok"}']
    r = run("tokenize", MODEL, stdin="\n".join(bad))
    out = r.lines()
    ok(r.rc == 1 and len(out) == len(bad) and [list(o) == ["error"] for o in out] == [False] + [True] * 7 + [False]
       and "7 of 9" in r.err and "line 2" in r.err, "tokenize: a broken line answers {error}, the rest goes on, exit 1", r)
    ok(all(f"line {i}" in o["error"] for i, o in enumerate(out, 1) if "error" in o), "tokenize: errors name the line", out)
    r = run("tokenize", MODEL, "--skip-bad", stdin="\n".join(bad))
    ok(r.rc == 0 and len(r.lines()) == 9, "tokenize --skip-bad: exit 0", r)
    r = run("tokenize", MODEL, stdin=b'\xef\xbb\xbf{"text": "gekitoke nise"}\r\n\r\n{"text": "gekitoke nise"}')
    ok(r.rc == 0 and [o["ids"] for o in r.lines()] == [full, full], "tokenize: BOM, CRLF, blank line, no line end at the end", r)
    r = run("tokenize", MODEL, stdin='{"text": "a\\u0000b"}\n{"text": ""}\n')
    ok(r.rc == 0 and len(r.lines()) == 2 and r.lines()[1]["ids"] == [0, 2], "tokenize: U+0000 and the empty text", r)
    r = run("tokenize", MODEL, stdin=b'{"text": "a\xff\xfeb"}\n')
    ok(r.rc == 0 and "2 bytes of invalid UTF-8" in r.err, "tokenize: invalid UTF-8 is counted and reported", r)
    text = write("plain.txt", "gekitoke nise\n\ngekitoke nise\r\n")
    r = run("tokenize", MODEL, "-i", text, "-o", "t.jsonl")
    ok(r.rc == 0 and [o["ids"] for o in read_jsonl("t.jsonl")] == [full, [0, 2], full], "tokenize: a text a line", r)
    r = run("tokenize", MODEL, "--format", "text", stdin="gekitoke nise\n")
    ok(r.lines()[0]["ids"] == full, "tokenize --format text on standard input", r)
    r = run("tokenize", os.path.join(MODEL, "tokenizer.json"), stdin='{"text": "gekitoke nise"}\n')
    ok(r.rc == 0 and r.lines()[0]["ids"] == full, "tokenize with a bare tokenizer.json", r)
    r = run("tokenize", MODEL, "-i", text, "-q")
    ok(r.rc == 0 and not r.err, "-q is quiet", r)


# ---- encode --------------------------------------------------------------------------------------------------------------

DOCS = [{"_id": "d1", "title": "zobala tineso", "text": "gekitoke nise "}, {"id": 7, "text": " zefi vego "}, {"text": ""},
        {"_id": 1.5, "text": "zobala tineso gekitoke nise"}, {"_id": "\u00e9\u0000\"", "title": "", "text": "toli nupi"}]


def test_encode():
    path = write_jsonl("docs.jsonl", DOCS)
    r = run("encode", MODEL, "-i", path, "-o", "docs.out.jsonl")
    rows = read_jsonl("docs.out.jsonl") if r.rc == 0 else []
    ok(r.rc == 0 and [x["id"] for x in rows] == ["d1", 7, 2, 1.5, "\u00e9\u0000\""] and isinstance(rows[1]["id"], int)
       and all(list(x) == ["id", "tokens", "truncated", "dense", "sparse", "multi"] for x in rows), "encode: shape and ids", r)
    ok(all(len(x["dense"]) == 64 and abs(sum(v * v for v in x["dense"]) - 1) < 1e-5 and len(x["multi"]) == x["tokens"] - 1
           and all(len(m) == 24 for m in x["multi"]) for x in rows), "encode: widths, unit length, a row a token but the first")
    ok(rows[2]["tokens"] == 2 and rows[2]["sparse"] == {}, "encode: an empty text is the two specials")
    ok(rows[0]["dense"] == rows[3]["dense"] and rows[0]["multi"] == rows[3]["multi"], "encode: title + one space + text, stripped")
    values = [v for x in rows for v in x["dense"]] + [v for x in rows for v in x["sparse"].values()]
    ok(all(f32(v) == v or abs(f32(v) - v) <= abs(v) * 6e-8 for v in values), "encode: values are float32")
    raw = open(os.path.join(WORK, "docs.out.jsonl"), encoding="utf-8").read()
    ok('"id": 7,' in raw and '"id": 1.5,' in raw and "\u00e9" in raw, "encode: ids keep their JSON type, non-ASCII as it is")
    again = run("encode", MODEL, "-i", "-", "-o", "-", stdin=open(path, "rb").read())
    ok(again.out == raw, "encode: standard input to standard output is the same")
    ok(run("encode", MODEL, "-i", path, "--threads", "1").out == raw, "encode: threads do not show")
    text = json.loads(run("tokenize", MODEL, stdin=json.dumps({"text": "toli nupi"})).out)
    r = run("encode", MODEL, stdin=json.dumps({"ids": text["ids"], "type_ids": text["type_ids"]}) + "\n")
    ok(r.rc == 0 and r.lines()[0]["dense"] == rows[4]["dense"] and r.lines()[0]["id"] == 0, "encode: token ids as they are", r)
    r = run("encode", MODEL, "-i", path, "-o", "docs.safetensors")
    t = read_safetensors("docs.safetensors") if r.rc == 0 else {}
    same = r.rc == 0 and t["dense"][0] == [5, 64] and all(abs(a - b) < 1e-7 for a, b in zip(t["dense"][1], [v for x in rows for v in x["dense"]]))
    ok(same and json.loads(t["metadata"]["ids"]) == ["d1", 7, 2, 1.5, "\u00e9\u0000\""], "encode to safetensors: dense and ids", r)
    if same:
        offsets, ids, weights = t["sparse_offsets"][1], t["sparse_ids"][1], t["sparse_weights"][1]
        got = [{str(ids[k]): weights[k] for k in range(offsets[i], offsets[i + 1])} for i in range(5)]
        ok(got == [{k: f32(v) for k, v in x["sparse"].items()} for x in rows]
           and all(list(map(int, g)) == sorted(map(int, g)) for g in got), "encode to safetensors: sparse", got)
        m = t["multi_offsets"][1]
        ok(t["multi"][0] == [m[-1], 24] and [m[i + 1] - m[i] for i in range(5)] == [len(x["multi"]) for x in rows],
           "encode to safetensors: multi")
    r = run("encode", MODEL, "-i", path, "-o", "docs.npy", "--want", "dense")
    npy = open(os.path.join(WORK, "docs.npy"), "rb").read() if r.rc == 0 else b""
    data = struct.unpack(f"<{5 * 64}f", npy[-5 * 64 * 4:]) if r.rc == 0 else ()
    ok(r.rc == 0 and b"(5, 64)" in npy[:128] and all(abs(a - b) < 1e-7 for a, b in zip(data, [v for x in rows for v in x["dense"]])),
       "encode to .npy", r)
    r = run("encode", MODEL, "-i", path, "--want", "sparse")
    ok(list(r.lines()[0]) == ["id", "tokens", "truncated", "sparse"], "encode: what is not wanted is absent", r)
    r = run("encode", MODEL, "-i", path, "--dim", "16", "--want", "dense,multi")
    d = r.lines()[0]
    ok(len(d["dense"]) == 16 and len(d["multi"][0]) == 16 and abs(sum(v * v for v in d["dense"]) - 1) < 1e-5, "encode --dim", r)
    p = run("encode", MODEL, "--prompt", "zobala tineso ", "--want", "dense", stdin='{"text": "gekitoke nise"}\n')
    ok(p.rc == 0 and p.lines()[0]["dense"] == rows[0]["dense"], "encode --prompt", p)
    empty = write("empty.jsonl", "")
    r = run("encode", MODEL, "-i", empty, "-o", "empty.out.jsonl")
    ok(r.rc == 0 and os.path.getsize(os.path.join(WORK, "empty.out.jsonl")) == 0, "encode: an empty file gives an empty file", r)
    r = run("encode", MODEL, "-i", empty, "-o", "empty.npy", "--want", "dense")
    ok(r.rc == 0 and b"(0, 64)" in open(os.path.join(WORK, "empty.npy"), "rb").read(), "encode: an empty file gives [0, 64]", r)


def test_roles():
    folder = os.path.join(WORK, "prompted")
    shutil.copytree(MODEL, folder)
    with open(os.path.join(folder, "config_sentence_transformers.json"), "w") as f:
        json.dump({"prompts": {"query": "query: ", "document": "doc: "}}, f)
    plain = run("encode", MODEL, "--want", "dense", stdin='{"text": "query: x"}\n{"text": "doc: x"}\n{"text": "x"}\n').lines()
    for role, expected in (("query", 0), ("passage", 1), ("none", 2)):
        r = run("encode", folder, "--want", "dense", "--role", role, stdin='{"text": "x"}\n')
        ok(r.rc == 0 and r.lines()[0]["dense"] == plain[expected]["dense"], f"encode --role {role}", r)


def test_heads():
    bare = os.path.join(WORK, "bare")
    shutil.copytree(MODEL, bare)
    os.remove(os.path.join(bare, "sparse_linear.pt"))
    r = run("encode", bare, stdin='{"text": "a"}\n')
    ok(r.rc == 1 and "sparse_linear.pt" in r.err, "a missing head is an error that names it", r)
    r = run("encode", bare, "--want", "dense", stdin='{"text": "a"}\n')
    ok(r.rc == 0, "--want dense never opens the head files", r)
    r = run("info", bare)
    ok(r.rc == 1 and "sparse_linear.pt" in r.err, "info refuses what encode refuses", r)


def test_bad_lines():
    lines = ['{"text": "a"}', "{bad", '{"text": 5}', "[1]", '{"x": 1}', "", '{"ids": []}', '{"ids": [0, 999999, 2]}', '{"_id": [], "text": "a"}',
             '{"_id": "z", "text": "b"}']
    path = write("bad.jsonl", "\n".join(lines) + "\n")
    write("kept.jsonl", "as it was")
    r = run("encode", MODEL, "-i", path, "-o", "kept.jsonl")
    ok(r.rc == 1 and "bad.jsonl line 2" in r.err and r.err.count("\n") == 1 and not leftovers()
       and open(os.path.join(WORK, "kept.jsonl")).read() == "as it was", "a broken line is named; the old output stays", r)
    r = run("encode", MODEL, "-i", path, "--skip-bad", "--want", "dense")
    ok(r.rc == 0 and [x["id"] for x in r.lines()] == [0, "z"] and "7 broken lines" in r.err and "line 2" in r.err,
       "--skip-bad goes on and counts", r)
    for number in (3, 4, 5, 7, 8, 9):
        r = run("encode", MODEL, "-i", write("b1.jsonl", '{"text": "a"}\n' + lines[number - 1] + "\n"))
        ok(r.rc == 1 and "b1.jsonl line 2" in r.err, f"broken line: {lines[number - 1][:30]}", r)
    huge = b'{"_id": "first", "text": "a"}\n{"text": "' + b"x" * (50 << 20) + b"\n" + b'{"_id": "after", "text": "b"}\n'
    path = write("huge.jsonl", huge)
    r = run("encode", MODEL, "-i", path, "--skip-bad", "--want", "dense")
    ok(r.rc == 0 and [x["id"] for x in r.lines()] == ["first", "after"] and "line 2" in r.err, "a broken line of 50 MB is skipped", r)
    path = write("huge.jsonl", b'{"text": "' + b"ab " * (10 << 20) + b'"}\n{"text": "b"}\n')
    r = run("encode", MODEL, "-i", path, "--want", "dense")
    ok(r.rc == 0 and [x["truncated"] for x in r.lines()] == [True, False] and "1 of 2 texts was longer than 128 tokens" in r.err,
       "a text of 30 MB is cut, counted and told once", r)
    os.remove(path)
    long_line = json.dumps({"text": "a " * 300})
    path = write("long.jsonl", '{"text": "a"}\n' * 3 + long_line + "\n" + long_line + "\n")
    r = run("encode", MODEL, "-i", path, "--on-long", "error", "-o", "long.out.jsonl")
    ok(r.rc == 1 and "long.jsonl line 4" in r.err and "603" in r.err and "128" in r.err
       and not os.path.exists(os.path.join(WORK, "long.out.jsonl")), "--on-long error names the line and the numbers", r)
    r = run("encode", MODEL, "-i", path, "--on-long", "error", "--skip-bad", "--want", "dense")
    ok(r.rc == 0 and len(r.lines()) == 3 and "2 broken lines" in r.err, "--on-long error --skip-bad leaves them out", r)
    r = run("encode", MODEL, "-i", path, "--max-length", "10", "--want", "dense")
    ok(r.rc == 0 and [x["truncated"] for x in r.lines()] == [False] * 3 + [True] * 2
       and r.lines()[4]["tokens"] == 10 and "2 of 5 texts" in r.err, "--max-length cuts", r)
    r = run("encode", MODEL, "--want", "dense", stdin='{"text": "a", "text": "b"}\n')
    ok(r.rc == 1 and "line 1" in r.err, "a key twice is a broken line", r)


# ---- score, info --------------------------------------------------------------------------------------------------------


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def pair_scores(q, p):
    multi = sum(max(dot(r, s) for s in p["multi"]) for r in q["multi"]) / len(q["multi"])
    return dot(q["dense"], p["dense"]), sum(w * p["sparse"].get(t, 0) for t, w in q["sparse"].items()), multi


def test_score():
    pairs = [{"query": "gekitoke nise", "passage": "the nise of gekitoke"}, {"query": "", "passage": "x"}, {"query": "x y z", "passage": "z y x"}]
    path = write_jsonl("pairs.jsonl", pairs)
    vectors = run("encode", MODEL, stdin="".join(json.dumps({"text": p[k]}) + "\n" for p in pairs for k in ("query", "passage"))).lines()
    for weights, w in ((None, (1, 1, 1)), ("mkqa", (1, 0.3, 1)), ("mldr", (0.15, 0.5, 0.35)), ("0.4,0.2,0.4", (0.4, 0.2, 0.4))):
        r = run("score", MODEL, "-i", path, *(["--weights", weights] if weights else []))
        good = r.rc == 0 and len(r.lines()) == 3
        for i, got in enumerate(r.lines() if good else []):
            d, s, m = pair_scores(vectors[2 * i], vectors[2 * i + 1])
            expected = [d, s, m, (w[0] * d + w[1] * s) / (w[0] + w[1]), (w[0] * d + w[1] * s + w[2] * m) / sum(w)]
            good &= list(got) == ["dense", "sparse", "multi", "sparse+dense", "all"]
            good &= all(abs(a - b) < 1e-5 for a, b in zip(got.values(), expected))
        ok(good, f"score --weights {weights}", r)
    r = run("score", MODEL, stdin='{"query": "a"}\n')
    ok(r.rc == 1 and "line 1" in r.err and "passage" in r.err, "score: a pair without a passage", r)
    r = run("score", MODEL, "--skip-bad", stdin='{"query": "a"}\n{"query": "a", "passage": "b"}\n')
    ok(r.rc == 0 and len(r.lines()) == 1 and "1 broken line" in r.err, "score --skip-bad", r)


def test_info():
    r = run("info", MODEL, "--json")
    facts = json.loads(r.out) if r.rc == 0 else {}
    keys = {"architecture", "hidden", "layers", "heads", "vocab", "max_tokens", "dense", "sparse", "multi", "dense_dim", "multi_dim",
            "pooling", "tokenizer", "tokenizer_rules", "tokenizer_rules_differ", "prompts", "memory", "files", "fingerprint"}
    ok(r.rc == 0 and keys <= set(facts) and facts["dense_dim"] == 64 and facts["multi_dim"] == 24 and facts["max_tokens"] == 128
       and facts["tokenizer_rules"] == "file" and any(f.endswith("colbert_linear.pt") for f in facts["files"]), "info --json", r)
    short = json.loads(run("info", MODEL, "--json", "--max-length", "16", "--batch-tokens", "16").out)["memory"]["workspace_bytes"]
    ok(short < facts["memory"]["workspace_bytes"], "info: less memory at a smaller length and batch", short)
    r = run("info", MODEL)
    ok(r.rc == 0 and all(w in r.out for w in ("xlm-roberta", "dense,sparse,multi", "rules: file", "fingerprint", "memory")), "info", r)
    r = run("info", MODEL, "--tokenizer-rules", "hf5")
    ok(r.rc == 0 and "rules: hf5" in r.out, "info --tokenizer-rules hf5", r)


# ---- index and search -----------------------------------------------------------------------------------------------------


def test_config_without_pad():
    """transformers' default for XLM-RoBERTa is pad 1, on which its positions depend."""
    folder = os.path.join(WORK, "no pad")
    shutil.copytree(MODEL, folder)
    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    want = run("encode", MODEL, stdin='{"ids": [0, 5, 6, 7, 2]}\n')
    for change in ({"pad_token_id": None}, {}):
        with open(path, "w", encoding="utf-8") as f:
            json.dump({**{k: v for k, v in config.items() if k != "pad_token_id"}, **change}, f)
        got = run("encode", folder, stdin='{"ids": [0, 5, 6, 7, 2]}\n')
        ok(want.rc == 0 and got.out == want.out, f"config.json without pad_token_id: {change}", got)


def make_corpus(n, seed):
    rng = random.Random(seed)
    return [{"_id": f"d{i}", "title": words(rng, i % 2), "text": words(rng, rng.randrange(1, 40))} for i in range(n)]


def test_index():
    corpus = write_jsonl("corpus.jsonl", make_corpus(300, 1))
    r = run("index", MODEL, corpus, "-o", "ix")
    ok(r.rc == 0 and "300 documents added" in r.err and not r.out, "index: a build", r)
    before = {n: os.stat(os.path.join(WORK, "ix", n)).st_mtime_ns for n in os.listdir(os.path.join(WORK, "ix"))}
    r = run("index", MODEL, corpus, "-o", "ix")
    after = {n: os.stat(os.path.join(WORK, "ix", n)).st_mtime_ns for n in os.listdir(os.path.join(WORK, "ix"))}
    before.pop("lock", None), after.pop("lock", None)
    ok(r.rc == 0 and "nothing to do" in r.err and before == after, "index: a finished build again does nothing", r)
    meta = json.dumps(json.load(open(os.path.join(WORK, "ix", "manifest.json"))))
    ok("fingerprint" in meta and "tokenizer_rules" in meta and os.path.basename(MODEL) in meta, "index: the manifest records the model")
    other = write_jsonl("other.jsonl", make_corpus(20, 2))
    for what, args in (("corpus", [MODEL, other]), ("role", [MODEL, corpus, "--role", "none"]), ("length", [MODEL, corpus, "--max-length", "50"]),
                       ("want", [MODEL, corpus, "--want", "dense"]), ("store", [MODEL, corpus, "--store-multi", "int8"])):
        r = run("index", *args, "-o", "ix")
        ok(r.rc == 1 and "ix" in r.err and "something else" in r.err, f"index: another {what} into the same folder is refused", r)
    r = run("index", MODEL, corpus, "-o", "ix", "--json")
    ok(r.rc == 0 and json.loads(r.out)["documents"] == 300 and json.loads(r.out)["added"] == 0, "index --json", r)
    ok(run("index", "--check", "ix").rc == 0, "index --check")
    r = run("index", "--check", "ix", "--json")
    ok(r.rc == 0 and json.loads(r.out) == {"bad": [], "ok": True}, "index --check --json", r)
    shutil.copytree(os.path.join(WORK, "ix"), os.path.join(WORK, "damaged"))
    victim = next(n for n in os.listdir(os.path.join(WORK, "damaged")) if n.endswith(".dense"))
    with open(os.path.join(WORK, "damaged", victim), "r+b") as f:
        f.seek(-100, 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    r = run("index", "--check", "damaged", "--json")
    ok(r.rc == 1 and json.loads(r.out)["ok"] is False and json.loads(r.out)["bad"][0]["file"] == victim, "index --check finds one flipped bit", r)


def test_index_bad_input():
    twice = write_jsonl("twice.jsonl", [{"_id": "a", "text": "x"}, {"_id": "b", "text": "y"}, {"_id": "a", "text": "z"}])
    r = run("index", MODEL, twice, "-o", "twice")
    ok(r.rc == 1 and "lines 1 and 3" in r.err and '"a"' in r.err and not os.path.exists(os.path.join(WORK, "twice")),
       "index: duplicate ids name both lines, before anything is made", r)
    r = run("index", MODEL, "-", "-o", "twice", stdin=open(twice).read())
    ok(r.rc == 1 and "lines 1 and 3" in r.err, "index: duplicate ids on standard input", r)
    for what, text in (("empty", '""'), ("U+0000", '"a\\u0000b"')):
        path = write("ids.jsonl", '{"_id": "a", "text": "x"}\n{"_id": ' + text + ', "text": "y"}\n')
        for source in (path, "-"):
            r = run("index", MODEL, source, "-o", "twice2", stdin=open(path).read())
            ok(r.rc == 1 and "line 2" in r.err and what in r.err, f"index: an id that cannot be ({what}, {os.path.basename(source)})", r)
            shutil.rmtree(os.path.join(WORK, "twice2"), ignore_errors=True)
    r = run("index", MODEL, write("broken.jsonl", '{"text": "a"}\n{"te'), "-o", "broken")
    ok(r.rc == 1 and "line 2" in r.err and not os.path.exists(os.path.join(WORK, "broken")), "index: a broken line", r)
    r = run("index", MODEL, write("nothing.jsonl", ""), "-o", "nothing.ix")
    ok(r.rc == 0 and "empty" in r.err, "index: an empty corpus is told", r)
    r = run("search", "nothing.ix", write_jsonl("q1.jsonl", [{"_id": "q", "text": "x"}]))
    ok(r.rc == 0 and not r.out, "search: an empty index has no hits", r)


def ranking(path):
    out = {}
    for line in open(os.path.join(WORK, path)):
        qid, q0, doc, rank, score, tag = line.split(" ")
        assert q0 == "Q0" and tag == "trident\n"
        out.setdefault(qid, []).append((doc, int(rank), float(score)))
    return out


def test_search():
    docs = make_corpus(300, 1)
    rng = random.Random(5)
    queries = [{"_id": i if i % 2 else f"q{i}", "text": words(rng, 4)} for i in range(12)]
    qpath = write_jsonl("queries.jsonl", queries)
    corpus = os.path.join(WORK, "corpus.jsonl")
    r = run("index", MODEL, corpus, "-o", "exact", "--store-multi", "f32")
    run("encode", MODEL, "-i", corpus, "-o", "dv.jsonl")
    run("encode", MODEL, "-i", qpath, "-o", "qv.jsonl")
    dv, qv = read_jsonl("dv.jsonl"), read_jsonl("qv.jsonl")
    scores = [[pair_scores(q, d) for d in dv] for q in qv]
    for mode, weight in (("hybrid", (0.4, 0.2, 0.4)), ("dense", (1, 0, 0)), ("sparse", (0, 1, 0)), ("multi", (0, 0, 1))):
        r = run("search", "exact", qpath, "-k", "20", "--mode", mode, "-o", f"{mode}.trec")
        runs = ranking(f"{mode}.trec") if r.rc == 0 else {}
        good = list(runs) == [str(q["_id"]) for q in queries]
        for i, q in enumerate(queries):
            got = runs.get(str(q["_id"]), [])
            sums = {d["_id"]: dot(weight, scores[i][j]) for j, d in enumerate(docs)}
            best = sorted(sums.values(), reverse=True)[:20]
            good &= len(got) == 20 and [g[1] for g in got] == list(range(1, 21))
            good &= all(abs(s - sums[d]) < 1e-5 and abs(s - b) < 1e-5 for (d, _, s), b in zip(got, best))
            good &= all(a[2] >= b[2] for a, b in zip(got, got[1:]))
        ok(good, f"search --mode {mode} is the exact ranking", r)
    first = open(os.path.join(WORK, "hybrid.trec"), "rb").read()
    run("search", "exact", qpath, "-k", "20", "-o", "again.trec", "--threads", "1")
    ok(open(os.path.join(WORK, "again.trec"), "rb").read() == first, "search: a run is the same to the byte, whatever the threads")
    r = run("search", "exact", qpath, "-k", "1000", "--to", "jsonl")
    rows = r.lines()
    ok(r.rc == 0 and len(rows) == 12 * 300 and list(rows[0]) == ["qid", "rank", "id", "score", "dense", "sparse", "multi", "text"]
       and rows[300]["qid"] == 1 and rows[0]["qid"] == "q0", "search: k larger than the corpus; .jsonl shape; ids keep their type", r)
    texts = {d["_id"]: (d["title"] + " " + d["text"]).strip() if d["title"] else d["text"] for d in docs}
    ok(all(x["text"] == texts[x["id"]] for x in rows), "search: the stored text is what was encoded")
    r = run("search", "exact", qpath, "-k", "2", "--mode", "sparse")
    ok(all(x["dense"] is None and x["multi"] is None and abs(x["score"] - x["sparse"]) < 1e-7 for x in r.lines()),
       "search: a score that was not computed is null", r)
    r = run("search", "exact", qpath, "-k", "3", "--explain")
    ok(r.rc == 0 and all({"query", "passage", "weight"} <= set(t) for x in r.lines() for t in x["tokens"]) and r.lines()[0]["tokens"],
       "search --explain", r)
    x = r.lines()[0]
    ok(abs(sum(t["weight"] for t in x["tokens"] if t["leg"] == "sparse") - x["sparse"]) < 1e-4, "search --explain: sparse weights add up", x)
    for args in (["--fuse", "rrf"], ["--fuse", "rrf", "--rrf-base", "1", "--rrf-k", "10"], ["--fuse", "combsum"], ["--fuse", "combmnz"],
                 ["--fuse", "dbsf"], ["--weights", "mkqa"], ["--weights", "mldr", "--candidates", "30"], ["--rescore", "multi"],
                 ["--candidates", "5", "--fuse", "rrf"]):
        r = run("search", "exact", qpath, "-k", "5", *args)
        ok(r.rc == 0 and len(r.lines()) == 60, "search " + " ".join(args), r)
    plain = run("search", "exact", qpath, "-k", "300").lines()
    for kind in ("meanstd:-1", "max:0.16"):
        r = run("search", "exact", qpath, "-k", "300", "--threshold", kind)
        kept = r.lines()
        ok(r.rc == 0 and 0 < len(kept) < len(plain) and all(k in plain for k in kept), f"search --threshold {kind}", r)
    r = run("search", "exact", write_jsonl("qq.jsonl", [{"_id": 1, "text": "a"}, {"_id": 1, "text": "b"}]))
    ok(r.rc == 1 and "lines 1 and 2" in r.err, "search: duplicate query ids name both lines", r)
    r = run("search", "exact", write_jsonl("qs.jsonl", [{"_id": "a b", "text": "a"}]), "-o", "qs.trec")
    ok(r.rc == 1 and "a b" in r.err and not leftovers(), "search: an id with a space cannot go into a run", r)


def test_partial_index():
    corpus = write_jsonl("small.jsonl", make_corpus(30, 3))
    for want in ("dense", "sparse", "multi", "dense,sparse"):
        name = "part-" + want.replace(",", "-")
        r = run("index", MODEL, corpus, "-o", name, "--want", want)
        s = run("search", name, os.path.join(WORK, "queries.jsonl"), "-k", "3")
        ok(r.rc == 0 and s.rc == 0 and len(s.lines()) == 36 and want in s.err, f"an index of {want} is searched by it, and says so", s)
    s = run("search", "part-dense", os.path.join(WORK, "queries.jsonl"), "--mode", "multi")
    ok(s.rc == 1 and "multi" in s.err, "search by what the index lacks is refused", s)


def test_add_delete():
    corpus = write_jsonl("base.jsonl", make_corpus(50, 1))
    more = write_jsonl("more.jsonl", [{"_id": "x1", "text": "gekitoke"}, {"_id": "x2", "text": "nise"}])
    run("index", MODEL, corpus, "-o", "grow")
    r = run("index", "--add", "grow", more)
    ok(r.rc == 0 and "2 documents added" in r.err, "index --add", r)
    r = run("index", "--add", "grow", more)
    ok(r.rc == 1 and "line 1" in r.err and "x1" in r.err, "index --add of an id that is there is refused", r)
    r = run("index", "--add", "grow", "-", stdin=open(more).read())
    ok(r.rc == 1 and "line 1" in r.err and "x1" in r.err, "index --add of it from standard input too", r)
    q = write_jsonl("gekitoke.jsonl", [{"_id": "q", "text": "gekitoke"}])
    ok(run("search", "grow", q, "-k", "1", "--mode", "dense").lines()[0]["id"] == "x1", "an added document is found")
    r = run("index", "--delete", "grow", write("gone.txt", "x1\nd3\nnot-there\n"))
    ok(r.rc == 0 and "2 documents deleted" in r.err and "1 ids were not there" in r.err, "index --delete", r)
    hits = [x["id"] for x in run("search", "grow", q, "-k", "100").lines()]
    ok(len(hits) == 50 and "x1" not in hits and "d3" not in hits, "deleted documents are gone")
    r = run("index", MODEL, corpus, "-o", "grow")
    ok(r.rc == 0 and "nothing to do" in r.err, "a finished build does not bring deleted documents back", r)
    r = run("index", "--delete", "grow", write_jsonl("gone.jsonl", [{"_id": "x2"}, {"_id": "d4"}]))
    ok(r.rc == 0 and "2 documents deleted" in r.err, "index --delete with JSONL", r)


def test_moved_model():
    folder = os.path.join(WORK, "moving")
    shutil.copytree(MODEL, folder)
    corpus = write_jsonl("mv.jsonl", make_corpus(10, 4))
    run("index", folder, corpus, "-o", "mv")
    os.rename(folder, folder + "2")
    q = os.path.join(WORK, "gekitoke.jsonl")
    r = run("search", "mv", q)
    ok(r.rc == 1 and "--model" in r.err, "a model that has moved: the remedy is --model", r)
    ok(run("search", "mv", q, "--model", folder + "2").rc == 0, "search --model")
    shutil.copytree(folder + "2", folder)
    weights = os.path.join(folder, "model.safetensors")
    with open(weights, "r+b") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(n))
        f.seek(8 + n + header["embeddings.word_embeddings.weight"]["data_offsets"][0])
        f.write(struct.pack("<f", 0.5))
    r = run("search", "mv", q)
    ok(r.rc == 1 and "changed" in r.err, "a model that has changed since the build is refused", r)
    r = run("search", "mv", q, "--model", folder)
    ok(r.rc == 0 and "not the model" in r.err, "named by hand it is used, and said", r)
    r = run("index", "--add", "mv", q)
    ok(r.rc == 1 and "fingerprint" in r.err, "adding with a changed model is refused", r)


# ---- interrupted ---------------------------------------------------------------------------------------------------------


def start(*args, **kw):
    return subprocess.Popen([TRIDENT, *args], cwd=WORK, stderr=subprocess.PIPE, **kw)


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_interrupts():
    p = start("encode", MODEL, "-i", "-", "-o", "cut.jsonl", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_for(lambda: any(n.startswith("cut.jsonl.tmp") for n in os.listdir(WORK)))
    time.sleep(0.05)
    p.send_signal(signal.SIGINT)
    rc = p.wait(timeout=20)
    err = p.stderr.read().decode()
    ok(rc == 130 and "interrupted" in err and not leftovers() and not os.path.exists(os.path.join(WORK, "cut.jsonl")),
       "Ctrl-C while waiting for standard input: exit 130, nothing left behind", f"rc {rc} {err} {leftovers()}")
    p.stdin.close()
    p = start("tokenize", MODEL, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.close()
    try:
        p.stdin.write(b'{"text": "a b c"}\n' * 20000)
        p.stdin.close()
    except BrokenPipeError:
        pass
    rc = p.wait(timeout=60)
    err = p.stderr.read().decode()
    ok(rc == 1 and not err, "a closed pipe behind standard output: exit 1 in silence", f"rc {rc} {err}")
    p = subprocess.run(["/bin/sh", "-c", '"$0" tokenize "$1" <&-', TRIDENT, MODEL], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    ok(p.returncode == 0 and not p.stdout, "standard input closed is an empty input", p)
    p = subprocess.run(["/bin/sh", "-c", 'echo \'{"text": "a"}\' | "$0" tokenize "$1" >&-', TRIDENT, MODEL], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    ok(p.returncode == 1 and b"standard output" in p.stderr, "standard output closed is a failure", p)


def all_scores(index, queries):
    r = run("search", index, queries, "-k", "1000")
    return {(x["qid"], x["id"]): x["score"] for x in r.lines()} if r.rc == 0 else r


def test_killed_build():
    # The scalar kernels make the build slow enough to be stopped half-way; the rest is done by the fast ones, so scores of the
    # two parts agree to float32 rounding.
    corpus = write_jsonl("kill.jsonl", make_corpus(400, 6))
    q = write_jsonl("kill.queries.jsonl", [{"_id": f"q{i}", "text": words(random.Random(i), 4)} for i in range(4)])
    more = write_jsonl("more.jsonl", [{"_id": "x1", "text": "gekitoke"}])
    run("index", MODEL, corpus, "-o", "whole")
    expected = all_scores("whole", q)
    for name, how in (("sigint", signal.SIGINT), ("sigkill", signal.SIGKILL)):
        p = start("index", MODEL, corpus, "-o", name, "--isa", "ref", "--threads", "1", stdout=subprocess.PIPE)
        wait_for(lambda: os.path.exists(os.path.join(WORK, name, "build.json")))
        p.send_signal(how)
        rc = p.wait(timeout=60)
        err = p.stderr.read().decode()
        ok(rc == (130 if how == signal.SIGINT else -9), f"a build stopped by {name}", f"rc {rc} {err}")
        r = run("search", name, q, "-k", "1")
        ok(r.rc == 0 and "not finished" in r.err, "what is there can be searched, and is said to be unfinished", r)
        r = run("index", "--add", name, more)
        ok(r.rc == 1 and "not finished" in r.err, "--add to an unfinished build is refused", r)
        r = run("index", MODEL, corpus, "-o", name)
        got = all_scores(name, q)
        ok(r.rc == 0 and run("index", "--check", name).rc == 0 and set(got) == set(expected)
           and all(abs(got[k] - expected[k]) < 1e-5 for k in got), f"run again it goes on, and answers as an undisturbed build ({name})", r)


def main():
    try:
        for test in (test_frame, test_usage, test_failures, test_tokenize, test_encode, test_roles, test_heads, test_bad_lines, test_score, test_info,
                     test_config_without_pad, test_index, test_index_bad_input, test_search, test_partial_index, test_add_delete, test_moved_model,
                     test_interrupts, test_killed_build):
            try:
                test()
            except Exception as e:  # one group's surprise must not hide the others
                ok(False, test.__name__ + " ran to its end", repr(e))
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    print(f"1..{count}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

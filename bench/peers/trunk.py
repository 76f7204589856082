# SPDX-License-Identifier: Apache-2.0
"""trunk.py: a cross-encoder's layers in ONNX Runtime or OpenVINO, the backends that sentence-transformers' CrossEncoder may run on.

The workers of bench-peers compute them; the head (one row a pair) is left out of their time, which favours them."""
import json
import pathlib

from peers_engines import ENGINES, Running


class Trunk:
    def __init__(self, engine, precision, folder, cache, texts_file, threads):
        cache = pathlib.Path(cache)
        cache.mkdir(parents=True, exist_ok=True)
        self.sets = {}
        for name, ids in json.loads(pathlib.Path(texts_file).read_text()).items():
            self.sets[name] = cache / f"{pathlib.Path(folder).name}-{len(self.sets)}.set.json"
            self.sets[name].write_text(json.dumps({"ids": ids}))
        self.running = Running(next(one for one in ENGINES if one.name == engine), threads, cache / f"{engine}.log")
        opened = self.running.ask(op="open", model=str(folder), precision=precision, threads=threads, cache=str(cache))
        if not opened.get("ok"):
            raise RuntimeError(f"{engine} {precision}: {opened}")
        self.version = opened["describe"]

    def run(self, name, keep=None):
        """Seconds of one pass, sorted by length; vectors are not kept, the head is not here."""
        answer = self.running.ask(op="time", set=str(self.sets[name]), order="sorted", seconds=0, cold_ms=1e-6)
        if not answer.get("ok"):
            raise RuntimeError(f"{self.version}: {answer}")
        return answer["ms"][0] / 1e3

    def close(self):
        self.running.__exit__()

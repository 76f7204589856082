# SPDX-License-Identifier: Apache-2.0
"""worker_openvino.py: OpenVINO's CPU plugin in f32, bf16 (inference precision hint) and int8 (nncf: smoothing, activations
calibrated on texts of the same kind as the test's, weights per channel).

The graph without a mask for texts of one length, the one with a mask for padded batches; both keep dynamic shapes."""
import json
import pathlib

import numpy as np

import worker
from model_folder import mean_pool, pad
from onnx_graph import graph_file


class OpenVino(worker.Worker):
    def open(self, ask):
        import openvino as ov

        self.ov, self.ask, self.compiled = ov, ask, {}
        self.core = ov.Core()
        self.padding = 1 if "shape" in str(ask["model"]) else 0
        self.request("mask")
        return f"OpenVINO {ov.__version__.split('-')[0]}", ov.__version__.split("-")[0]

    def read(self, kind):
        plain = graph_file(self.ask["model"], self.ask["cache"], f"plain-{kind}", "f32")
        if self.ask["precision"] != "int8":
            return self.core.read_model(plain)
        path = plain.with_name(f"openvino-{kind}-int8.xml")
        if not path.exists():
            self.ov.save_model(self.quantise(self.core.read_model(plain)), path, compress_to_fp16=False)
        return self.core.read_model(path)

    def quantise(self, model):
        import nncf

        lines = pathlib.Path(self.ask["calibration"]).read_text().splitlines()
        texts = nncf.Dataset([json.loads(line)["ids"] for line in lines], lambda ids: self.feed([ids], len(model.inputs) == 2)[0])
        return nncf.quantize(model, texts, model_type=nncf.ModelType.TRANSFORMER, subset_size=len(lines), fast_bias_correction=True)

    def feed(self, ids, with_mask):
        table, mask = pad(ids, self.padding)
        feed = {"input_ids": table}
        if with_mask:
            feed["attention_mask"] = np.ones_like(table) if mask is None else mask
        return feed, mask

    def request(self, kind):
        if kind not in self.compiled:
            hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.ask["threads"], "NUM_STREAMS": 1}
            if self.ask["precision"] != "int8":  # what nncf left unquantised runs in the plugin's own choice, bf16 where it has it
                hints["INFERENCE_PRECISION_HINT"] = self.ask["precision"]
            self.compiled[kind] = self.core.compile_model(self.read(kind), "CPU", hints).create_infer_request()
        return self.compiled[kind]

    def pack(self, ids, texts, role):
        kind = "full" if len(set(map(len, ids))) == 1 else "mask"
        feed, mask = self.feed(ids, kind == "mask")
        self.request(kind)
        return kind, feed, mask

    def forward(self, packed):
        kind, feed, _ = packed
        return self.request(kind).infer(feed, share_inputs=True, share_outputs=True)[0]

    def dense(self, packed):
        return mean_pool(self.forward(packed), packed[2])


if __name__ == "__main__":
    worker.serve(OpenVino())

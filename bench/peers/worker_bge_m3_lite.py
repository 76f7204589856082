# SPDX-License-Identifier: Apache-2.0
"""worker_bge_m3_lite.py: the graph recipe of the package bge-m3-lite, on our weights, under ONNX Runtime.

The package runs one model only, from files it downloads; the recipe is code, and is applied here with the package's own functions
to the same fused graph that worker_ort.py runs: attention over 256 query rows at a time and the rest of the layer over 256 rows
at a time, in loops (f32), and its `rowwise` int8 on top: SmoothQuant, activations per token, weights per column. Its session
options too, but with spinning on, which it leaves off to save power and which is the faster setting."""
import json
import os
import pathlib

import numpy as np

import worker
from model_folder import mean_pool, pad
from onnx_graph import graph_file


def activation_maxima(model_path, model, ask):
    """Per-channel max|x| of what is smoothed, over the calibration texts: the package's own wants its tokenizer for that."""
    import onnx
    import onnxruntime as ort
    from bge_m3_lite.quantize import smooth_targets

    names = sorted({node.input[0] for node in smooth_targets(model)})
    for name in names:
        model.graph.output.add().CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    probe = model_path.with_suffix(f".probe{os.getpid()}")
    onnx.save(model, probe)
    del model.graph.output[1:]
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(probe), options, providers=["CPUExecutionProvider"])
    probe.unlink()
    maxima = {}
    for line in pathlib.Path(ask["calibration"]).read_text().splitlines():
        ids = np.array([json.loads(line)["ids"]], dtype=np.int64)
        for name, x in zip(names, session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})):
            top = np.abs(x.reshape(-1, x.shape[-1])).max(axis=0)
            maxima[name] = np.maximum(maxima.get(name, top), top)
    return maxima


def recipe_file(ask):
    import onnx
    from bge_m3_lite import quantize
    from bge_m3_lite.fuse import _chunk_attention

    fused = graph_file(ask["model"], ask["cache"], "mask", "f32")
    out = fused.with_name(f"bge-m3-lite-{ask['precision']}.onnx")
    if out.exists():
        return out
    model = onnx.load(fused)
    if ask["precision"] == "int8":
        config = quantize.QuantConfig()
        quantize._smooth(model, activation_maxima(fused, model, ask), config.smooth_alpha)
        quantize._quantize_rowwise(model, quantize_embeddings=False, attention_chunk=config.attention_chunk, tail=config.tail,
                                   tail_rows=config.tail_rows)
    else:
        _chunk_attention(model, quantize.ATTENTION_CHUNK)
    onnx.save(model, out.with_suffix(".part"))
    out.with_suffix(".part").rename(out)
    return out


class BgeM3Lite(worker.Worker):
    def open(self, ask):
        import importlib.metadata

        import onnxruntime as ort
        from bge_m3_lite.model import session_options

        ort.set_default_logger_severity(3)
        options = session_options(ask["threads"], inter_op_threads=1, spin=True)
        self.padding = 1 if "shape" in str(ask["model"]) else 0
        self.session = ort.InferenceSession(str(recipe_file(ask)), options, providers=["CPUExecutionProvider"])
        version = importlib.metadata.version("bge-m3-lite")
        return f"bge-m3-lite {version} (its graph recipe), ONNX Runtime {ort.__version__}", f"{version}+{ort.__version__}"

    def pack(self, ids, texts, role):
        table, mask = pad(ids, self.padding)
        return {"input_ids": table, "attention_mask": np.ones_like(table) if mask is None else mask}, mask

    def forward(self, packed):
        return self.session.run(None, packed[0])[0]

    def dense(self, packed):
        return mean_pool(self.forward(packed), packed[1])


if __name__ == "__main__":
    worker.serve(BgeM3Lite())

# SPDX-License-Identifier: Apache-2.0
"""onnx_graph.py: a folder's encoder as an ONNX graph, and what ONNX Runtime's own tools make of it.

`write_plain` emits the operators that an eager export of BertModel has, one by one, with its node names, since the fusions and
recipes of other tools look for those. `optimise` runs onnxruntime.transformers' optimizer on it and insists that it fused:
Attention or MultiHeadAttention, SkipLayerNormalization and BiasGelu, in every layer. `quantise` is its dynamic int8.

Two graphs of each model: `mask` takes attention_mask [B,S], for padded batches; `full` has none, for texts of one length, where
ONNX Runtime can use MultiHeadAttention, whose CPU kernel is a tiled one that never holds an S x S matrix of scores."""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Graph:
    def __init__(self):
        self.nodes, self.tensors, self.known = [], [], set()

    def tensor(self, name, value):
        if name not in self.known:
            self.known.add(name)
            self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, kind, name, inputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name + "_output"], name=name, **attributes))
        return name + "_output"

    def linear(self, at, x, weight_and_bias):
        weight, bias = weight_and_bias
        y = self.add("MatMul", f"{at}/MatMul", [x, self.tensor(f"{at}/weight", weight.T)])
        return self.add("Add", f"{at}/Add", [self.tensor(f"{at}/bias", bias), y])

    def norm(self, at, x, gain_and_bias, eps):
        gain, bias = gain_and_bias
        scale = [self.tensor(f"{at}/weight", gain), self.tensor(f"{at}/bias", bias)]
        return self.add("LayerNormalization", f"{at}/LayerNormalization", [x, *scale], axis=-1, epsilon=eps)


def add_attention(g, at, x, layer, folder, mask):
    heads, width = folder.heads, folder.width // folder.heads
    shape = g.tensor("split_heads", np.array([0, 0, heads, width], dtype=np.int64))

    def split(name, perm):
        y = g.linear(f"{at}/self/{name}", x, layer[name[0]])
        y = g.add("Reshape", f"{at}/self/{name}/Reshape", [y, shape])
        return g.add("Transpose", f"{at}/self/{name}/Transpose", [y], perm=perm)

    query, key, value = split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]), split("value", [0, 2, 1, 3])
    scores = g.add("MatMul", f"{at}/self/MatMul", [query, key])
    scores = g.add("Div", f"{at}/self/Div", [scores, g.tensor("root_width", np.array(width**0.5, dtype=np.float32))])
    if mask:
        scores = g.add("Add", f"{at}/self/Add", [scores, mask])
    weights = g.add("Softmax", f"{at}/self/Softmax", [scores], axis=-1)
    y = g.add("MatMul", f"{at}/self/MatMul_1", [weights, value])
    y = g.add("Transpose", f"{at}/self/Transpose", [y], perm=[0, 2, 1, 3])
    return g.add("Reshape", f"{at}/self/Reshape", [y, g.tensor("join_heads", np.array([0, 0, folder.width], dtype=np.int64))])


def add_gelu(g, at, x):
    number = lambda name, value: g.tensor(name, np.array(value, dtype=np.float32))
    y = g.add("Erf", f"{at}/Erf", [g.add("Div", f"{at}/Div", [x, number("root_two", 2**0.5)])])
    y = g.add("Mul", f"{at}/Mul", [x, g.add("Add", f"{at}/Add_1", [y, number("one", 1.0)])])
    return g.add("Mul", f"{at}/Mul_1", [y, number("half", 0.5)])


def write_plain(folder, path, with_mask):
    g = Graph()
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])]
    mask = None
    if with_mask:
        inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "tokens"]))
        mask = g.add("Unsqueeze", "/Unsqueeze", ["attention_mask", g.tensor("axis_1", np.array([1], dtype=np.int64))])
        mask = g.add("Unsqueeze", "/Unsqueeze_1", [mask, g.tensor("axis_2", np.array([2], dtype=np.int64))])
        mask = g.add("Cast", "/Cast", [mask], to=TensorProto.FLOAT)
        mask = g.add("Sub", "/Sub", [g.tensor("one", np.array(1.0, dtype=np.float32)), mask])
        mask = g.add("Mul", "/Mul", [mask, g.tensor("minus_much", np.array(-10000.0, dtype=np.float32))])
    word = g.add("Gather", "/embeddings/word/Gather", [g.tensor("word", folder.word), "input_ids"])
    first = g.tensor("first", np.array([0], dtype=np.int64))
    tokens = g.add("Shape", "/Shape", ["input_ids"], start=1, end=2)
    place = g.add("Slice", "/Slice", [g.tensor("position", folder.position + folder.type[0]), first, tokens, first])
    x = g.norm("/embeddings/LayerNorm", g.add("Add", "/embeddings/Add", [word, place]), folder.ln, folder.eps)
    for i, layer in enumerate(folder.layers):
        at = f"/encoder/layer.{i}"
        y = add_attention(g, f"{at}/attention", x, layer, folder, mask)
        y = g.linear(f"{at}/attention/output/dense", y, layer["o"])
        x = g.norm(f"{at}/attention/output/LayerNorm", g.add("Add", f"{at}/attention/output/Add", [y, x]), layer["ln1"], folder.eps)
        y = add_gelu(g, f"{at}/intermediate", g.linear(f"{at}/intermediate/dense", x, layer["up"]))
        y = g.linear(f"{at}/output/dense", y, layer["down"])
        x = g.norm(f"{at}/output/LayerNorm", g.add("Add", f"{at}/output/Add", [y, x]), layer["ln2"], folder.eps)
    g.nodes.append(helper.make_node("Identity", [x], ["token_embeddings"], name="/Identity"))
    output = helper.make_tensor_value_info("token_embeddings", TensorProto.FLOAT, ["batch", "tokens", folder.width])
    graph = helper.make_graph(g.nodes, "encoder", inputs, [output], g.tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8), path)


def optimise(plain, path, folder, attention):
    """attention: "Attention" or "MultiHeadAttention"."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions("bert")
    options.use_multi_head_attention = attention == "MultiHeadAttention"
    options.enable_embed_layer_norm = False  # once a pass, and it wants 32-bit ids
    made = optimizer.optimize_model(str(plain), model_type="bert", num_heads=folder.heads, hidden_size=folder.width,
                                    optimization_options=options, opt_level=0, use_gpu=False)
    found = made.get_fused_operator_statistics()
    wanted = {attention: folder.n_layers, "SkipLayerNormalization": 2 * folder.n_layers, "BiasGelu": folder.n_layers}
    missed = {op: found.get(op, 0) for op, n in wanted.items() if found.get(op, 0) < n}
    if missed:
        raise RuntimeError(f"the optimizer did not fuse everything: {missed} of {wanted}")
    made.save_model_to_file(str(path))


def quantise(path_in, path_out):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(path_in), str(path_out), op_types_to_quantize=["MatMul", "Attention"], per_channel=True,
                     weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT})


def graph_file(model, cache, kind, precision):
    """The file of a graph, made where it is missing. kind: plain-mask, plain-full, mask (Attention), full (MultiHeadAttention)."""
    from model_folder import Folder

    where = pathlib.Path(cache) / f"onnx-{pathlib.Path(model).name}"
    where.mkdir(parents=True, exist_ok=True)
    out = where / f"{kind}-{precision}.onnx"
    if out.exists():
        return out
    if precision == "int8":
        quantise(graph_file(model, cache, kind, "f32"), out.with_suffix(".part"))
    elif kind.startswith("plain"):
        write_plain(Folder(model), out.with_suffix(".part"), kind.endswith("mask"))
    else:
        plain = graph_file(model, cache, f"plain-{kind}", "f32")
        optimise(plain, out.with_suffix(".part"), Folder(model), "MultiHeadAttention" if kind == "full" else "Attention")
    out.with_suffix(".part").rename(out)
    return out

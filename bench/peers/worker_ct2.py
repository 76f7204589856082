# SPDX-License-Identifier: Apache-2.0
"""worker_ct2.py: CTranslate2's encoder, in f32 and int8 (per row of the weights, activations per token).

Its own converter loads a checkpoint through transformers; here its specification classes are filled from the folder directly,
which gives the same file. It has no bf16 on a CPU: asked for it, it computes in f32. It takes padding out by itself."""
import pathlib

import numpy as np

import worker
from model_folder import Folder, mean_pool, pad


def write_model(model, out):
    from ctranslate2.converters import utils
    from ctranslate2.specs import common_spec, transformer_spec

    folder = Folder(model)

    def linear(spec, pair):
        spec.weight, spec.bias = pair

    def norm(spec, pair):
        spec.gamma, spec.beta = pair

    encoder = transformer_spec.TransformerEncoderSpec(
        folder.n_layers, folder.heads, pre_norm=False, activation=common_spec.Activation.GELU, layernorm_embedding=True)
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = folder.word
    encoder.position_encodings.encodings = folder.position + folder.type[0]
    norm(encoder.layernorm_embedding, folder.ln)
    for to, layer in zip(encoder.layer, folder.layers):
        parts = [common_spec.LinearSpec() for _ in range(3)]
        for part, name in zip(parts, "qkv"):
            linear(part, layer[name])
        utils.fuse_linear(to.self_attention.linear[0], parts)
        linear(to.self_attention.linear[1], layer["o"])
        norm(to.self_attention.layer_norm, layer["ln1"])
        linear(to.ffn.linear_0, layer["up"])
        linear(to.ffn.linear_1, layer["down"])
        norm(to.ffn.layer_norm, layer["ln2"])
    spec.register_vocabulary([f"<{i}>" for i in range(len(folder.word))])
    spec.config.unk_token, spec.config.layer_norm_epsilon = "<3>", folder.eps
    spec.validate()
    out.mkdir(parents=True, exist_ok=True)
    spec.save(str(out))


class CTranslate2(worker.Worker):
    def open(self, ask):
        import ctranslate2

        kind = {"f32": "float32", "int8": "int8_float32"}[ask["precision"]]
        self.ct2, self.padding = ctranslate2, 1 if "shape" in str(ask["model"]) else 0
        folder = pathlib.Path(ask["cache"]) / f"ct2-{pathlib.Path(ask['model']).name}"
        if not (folder / "model.bin").exists():
            write_model(ask["model"], folder)
        self.encoder = ctranslate2.Encoder(str(folder), compute_type=kind, intra_threads=ask["threads"])
        return f"CTranslate2 {ctranslate2.__version__} {self.encoder.compute_type}", ctranslate2.__version__

    def pack(self, ids, texts, role):
        table, mask = pad(ids, self.padding)
        lengths = np.array([len(one) for one in ids], dtype=np.int32)
        table = np.ascontiguousarray(table, dtype=np.int32)
        # A StorageView borrows the arrays: they are kept beside it.
        return self.ct2.StorageView.from_array(table), self.ct2.StorageView.from_array(lengths), mask, table, lengths

    def forward(self, packed):
        return self.encoder.forward_batch(packed[0], packed[1]).last_hidden_state

    def dense(self, packed):
        return mean_pool(np.array(self.forward(packed)), packed[2])


if __name__ == "__main__":
    worker.serve(CTranslate2())

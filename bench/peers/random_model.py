#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""random_model.py OUT: a folder with four layers of BGE-M3's shape and random weights, for speed.

Width 1024, feed-forward 4096, 16 heads, 8192 positions, as XLM-R large; the vocabulary is cut to 4096 rows, since looking a row up
costs the same in a table of any size that leaves the cache. Matrices are normal with deviation 0.02 as at initialisation;
LayerNorm gains are spread log-normally around 0.9 with a few channels six times that, and the query and key matrices are larger,
so that scores, softmax and quantisers meet a spread of values instead of the flat one that initialisation gives.
Pooling is the mean of all rows: every engine then computes every row of the last layer, and four layers times six is fair."""
import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file

WIDTH, FFN, HEADS, LAYERS, VOCABULARY, POSITIONS = 1024, 4096, 16, 4, 4096, 8194
CONFIG = {
    "architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "attention_probs_dropout_prob": 0.1,
    "hidden_dropout_prob": 0.1, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "hidden_act": "gelu",
    "hidden_size": WIDTH, "initializer_range": 0.02, "intermediate_size": FFN, "layer_norm_eps": 1e-05,
    "max_position_embeddings": POSITIONS, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
    "position_embedding_type": "absolute", "type_vocab_size": 1, "vocab_size": VOCABULARY, "torch_dtype": "float32",
}
MODULES = [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
           for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])]
POOLING = {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
           "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}


def tensors():
    draw = np.random.default_rng(20)
    out = {}

    def normal(name, *shape, deviation=0.02):
        out[name] = draw.normal(0, deviation, shape).astype(np.float32)

    def norm(name):
        gain = 0.9 * np.exp(draw.normal(0, 0.15, WIDTH))
        gain[draw.choice(WIDTH, 6, replace=False)] *= 6
        out[name + ".weight"] = gain.astype(np.float32)
        normal(name + ".bias", WIDTH)

    def linear(name, rows, columns, deviation=0.02):
        normal(name + ".weight", rows, columns, deviation=deviation)
        normal(name + ".bias", rows)

    for name, rows in (("word", VOCABULARY), ("position", POSITIONS), ("token_type", 1)):
        normal(f"embeddings.{name}_embeddings.weight", rows, WIDTH)
    norm("embeddings.LayerNorm")
    for i in range(LAYERS):
        at = f"encoder.layer.{i}."
        for name in ("query", "key", "value"):
            linear(f"{at}attention.self.{name}", WIDTH, WIDTH, 0.02 if name == "value" else 0.04)
        linear(f"{at}attention.output.dense", WIDTH, WIDTH)
        norm(f"{at}attention.output.LayerNorm")
        linear(f"{at}intermediate.dense", FFN, WIDTH)
        linear(f"{at}output.dense", WIDTH, FFN)
        norm(f"{at}output.LayerNorm")
    return out


def main():
    out = pathlib.Path(sys.argv[1])
    (out / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(CONFIG, indent=1))
    (out / "modules.json").write_text(json.dumps(MODULES, indent=1))
    (out / "1_Pooling/config.json").write_text(json.dumps(POOLING, indent=1))
    (out / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 8192, "do_lower_case": False}))
    save_file(tensors(), out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""model_folder.py: a BERT or XLM-R folder in the Hugging Face layout as plain float32 arrays, for peers that have no loader.

ONNX Runtime, CTranslate2 and llama.cpp do not read these folders; their workers build their own files from what `read` gives.
Positions are returned as the engine sees them: row 0 is the first token's, so XLM-R's offset of padding_idx + 1 is cut off."""
import json
import pathlib

import numpy as np
from safetensors import safe_open

LAYER = {  # name in the file: ours
    "attention.self.query": "q", "attention.self.key": "k", "attention.self.value": "v", "attention.output.dense": "o",
    "attention.output.LayerNorm": "ln1", "intermediate.dense": "up", "output.dense": "down", "output.LayerNorm": "ln2",
}


class Folder:
    """config (dict), word [V,D], position [P,D], type [D], ln (weight, bias), layers: {"q": (weight [out,in], bias), ...}."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.config = json.loads((self.path / "config.json").read_text())
        self.width, self.heads = self.config["hidden_size"], self.config["num_attention_heads"]
        self.ffn, self.n_layers = self.config["intermediate_size"], self.config["num_hidden_layers"]
        self.eps = float(self.config["layer_norm_eps"])
        self.offset = self.config["pad_token_id"] + 1 if "xlm" in self.config["model_type"] else 0
        with safe_open(self.path / "model.safetensors", "np") as file:
            names = set(file.keys())
            self.prefix = next(p for p in ("", "roberta.", "bert.") if p + "embeddings.word_embeddings.weight" in names)
            get = lambda name: file.get_tensor(self.prefix + name).astype(np.float32)
            pair = lambda name: (get(name + ".weight"), get(name + ".bias"))
            self.word = get("embeddings.word_embeddings.weight")
            self.position = get("embeddings.position_embeddings.weight")[self.offset:]
            self.type = get("embeddings.token_type_embeddings.weight")
            self.ln = pair("embeddings.LayerNorm")
            self.layers = [{ours: pair(f"encoder.layer.{i}.{theirs}") for theirs, ours in LAYER.items()}
                           for i in range(self.n_layers)]


def pad(ids, padding):
    """[B,S] int64 and the mask, right-padded to the longest; a mask of None says that nothing was padded."""
    longest = max(map(len, ids))
    table = np.full((len(ids), longest), padding, dtype=np.int64)
    mask = np.zeros_like(table)
    for row, one in enumerate(ids):
        table[row, :len(one)] = one
        mask[row, :len(one)] = 1
    return table, None if mask.all() else mask


def mean_pool(hidden, mask):
    """Unit-length mean over the real rows of [B,S,D]."""
    hidden = np.asarray(hidden, dtype=np.float32)
    if mask is None:
        pooled = hidden.mean(axis=1)
    else:
        pooled = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

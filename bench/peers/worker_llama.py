# SPDX-License-Identifier: Apache-2.0
"""worker_llama.py: llama.cpp (llama-cpp-python's build for this machine), in f16 and q8_0.

The folder is written as GGUF of architecture `bert`, with no vocabulary: token ids go in. One text a call: texts that share a
batch share one attention matrix, in which all but the diagonal blocks are masked, and measured slower."""
import ctypes
import pathlib

import numpy as np

import worker
from model_folder import Folder

MATRICES = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "up": "ffn_up", "down": "ffn_down"}
NORMS = {"ln1": "attn_output_norm", "ln2": "layer_output_norm"}
MEAN = 1  # llama_pooling_type


def write_gguf(model, path, kind):
    import gguf

    folder = Folder(model)
    out = gguf.GGUFWriter(path, "bert")
    out.add_name(pathlib.Path(model).name)
    out.add_block_count(folder.n_layers)
    out.add_context_length(len(folder.position))
    out.add_embedding_length(folder.width)
    out.add_feed_forward_length(folder.ffn)
    out.add_head_count(folder.heads)
    out.add_layer_norm_eps(folder.eps)
    out.add_causal_attention(False)
    out.add_pooling_type(gguf.PoolingType.MEAN)
    out.add_vocab_size(len(folder.word))
    out.add_tokenizer_model("no_vocab")
    out.add_token_type_count(1)

    def matrix(name, value):
        quantised = gguf.GGMLQuantizationType.Q8_0 if kind == "q8_0" else gguf.GGMLQuantizationType.F16
        out.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(value), quantised), raw_dtype=quantised)

    def vectors(name, pair):
        out.add_tensor(f"{name}.weight", pair[0])
        out.add_tensor(f"{name}.bias", pair[1])

    matrix("token_embd.weight", folder.word)
    out.add_tensor("position_embd.weight", folder.position)
    out.add_tensor("token_types.weight", folder.type[:1])
    vectors("token_embd_norm", folder.ln)
    for i, layer in enumerate(folder.layers):
        for ours, theirs in MATRICES.items():
            matrix(f"blk.{i}.{theirs}.weight", layer[ours][0])
            out.add_tensor(f"blk.{i}.{theirs}.bias", layer[ours][1])
        for ours, theirs in NORMS.items():
            vectors(f"blk.{i}.{theirs}", layer[ours])
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


class Llama(worker.Worker):
    def open(self, ask):
        import llama_cpp

        kind = {"f16": "f16", "q8_0": "q8_0"}[ask["precision"]]
        path = pathlib.Path(ask["cache"]) / f"llama-{pathlib.Path(ask['model']).name}-{kind}.gguf"
        if not path.exists():
            write_gguf(ask["model"], path.with_suffix(".part"), kind)
            path.with_suffix(".part").rename(path)
        self.lib, self.threads, self.context, self.room = llama_cpp, ask["threads"], None, 0
        self.quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self.quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise RuntimeError("llama.cpp did not load the GGUF file")
        self.dim = llama_cpp.llama_model_n_embd(self.model)
        return f"llama.cpp ({llama_cpp.__version__}) {kind}", llama_cpp.__version__

    def reserve(self, tokens):
        """A context for texts up to this long: its buffers are made for the longest, and cost time to touch."""
        if tokens <= self.room:
            return
        if self.context:
            self.lib.llama_free(self.context)
        options = self.lib.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = self.room = (tokens + 63) // 64 * 64
        options.n_seq_max, options.embeddings, options.pooling_type = 1, True, MEAN
        options.n_threads = options.n_threads_batch = self.threads
        options.flash_attn_type = self.lib.LLAMA_FLASH_ATTN_TYPE_ENABLED
        self.context = self.lib.llama_init_from_model(self.model, options)
        if not self.context:
            raise RuntimeError(f"llama.cpp made no context for {tokens} tokens")

    def pack(self, ids, texts, role):
        self.reserve(max(map(len, ids)))
        batches = []
        for one in ids:
            batch = self.lib.llama_batch_init(len(one), 0, 1)
            batch.n_tokens = len(one)
            for i, token in enumerate(one):
                batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, i, 1, 0, True
            batches.append(batch)
        return batches

    def forward(self, batches):
        for batch in batches:
            if self.lib.llama_encode(self.context, batch):
                raise RuntimeError("llama_encode failed")
            vector = self.lib.llama_get_embeddings_seq(self.context, 0)
        return vector

    def dense(self, batches):
        rows = [np.array(np.ctypeslib.as_array(self.forward([batch]), (self.dim,))) for batch in batches]
        return np.array([row / np.linalg.norm(row) for row in rows])


if __name__ == "__main__":
    worker.serve(Llama())

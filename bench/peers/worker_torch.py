# SPDX-License-Identifier: Apache-2.0
"""worker_torch.py: sentence-transformers on torch's CPU kernels, in f32 or bf16, attention by SDPA.

The f32 vectors of this engine are the reference that the others' are measured against."""
import os

import numpy as np

import worker


class Torch(worker.Worker):
    def open(self, ask):
        os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1", HF_HUB_OFFLINE="1")
        import sentence_transformers
        import torch
        import transformers
        from sentence_transformers import models

        torch.set_num_threads(ask["threads"])
        self.torch = torch
        kind = {"f32": torch.float32, "bf16": torch.bfloat16}[ask["precision"]]
        # The trunk alone, with the pooling that both models here have: neither folder needs a tokenizer for this.
        self.trunk = transformers.AutoModel.from_pretrained(ask["model"], dtype=kind, attn_implementation="sdpa").eval()
        self.pool = models.Pooling(self.trunk.config.hidden_size, pooling_mode="mean")
        self.padding = self.trunk.config.pad_token_id
        return (f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}",
                f"{sentence_transformers.__version__}+{torch.__version__}")

    def pack(self, ids, texts, role):
        longest = max(map(len, ids))
        table = self.torch.full((len(ids), longest), self.padding, dtype=self.torch.long)
        mask = self.torch.zeros_like(table)
        for row, one in enumerate(ids):
            table[row, :len(one)] = self.torch.tensor(one)
            mask[row, :len(one)] = 1
        return {"input_ids": table, "attention_mask": mask}

    def forward(self, packed):
        with self.torch.inference_mode():
            hidden = self.trunk(**packed).last_hidden_state
            pooled = self.pool({"token_embeddings": hidden, "attention_mask": packed["attention_mask"]})["sentence_embedding"]
            return self.torch.nn.functional.normalize(pooled.float(), dim=-1)

    def dense(self, packed):
        return np.asarray(self.forward(packed))


if __name__ == "__main__":
    worker.serve(Torch())

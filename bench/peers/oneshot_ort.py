# SPDX-License-Identifier: Apache-2.0
"""oneshot_ort.py GRAPH TOKENIZER TEXT THREADS: one vector with ONNX Runtime, tokenizers and nothing else."""
import sys

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

ids = Tokenizer.from_file(sys.argv[2]).encode(sys.argv[3]).ids
options = ort.SessionOptions()
options.intra_op_num_threads = int(sys.argv[4])
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC  # the file is fused already
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
mean = session.run(None, {"input_ids": np.array([ids], dtype=np.int64)})[0].mean(axis=1)[0]
print(*(mean / np.linalg.norm(mean))[:3])

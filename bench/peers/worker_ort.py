# SPDX-License-Identifier: Apache-2.0
"""worker_ort.py: ONNX Runtime on graphs that its own transformer optimizer fused; int8 is its dynamic, per-channel quantisation.

Two graphs: Attention with a mask for padded batches, MultiHeadAttention without one for texts of one length. Each is opened when
a batch first needs it."""
import worker
from model_folder import mean_pool, pad
from onnx_graph import graph_file


class OnnxRuntime(worker.Worker):
    def open(self, ask):
        import onnxruntime as ort

        self.ort, self.ask, self.sessions = ort, ask, {}
        ort.set_default_logger_severity(3)
        self.padding = 1 if "shape" in str(ask["model"]) else 0
        self.session("mask")
        return f"ONNX Runtime {ort.__version__}", ort.__version__

    def session(self, kind):
        if kind not in self.sessions:
            options = self.ort.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = self.ask["threads"], 1
            options.execution_mode = self.ort.ExecutionMode.ORT_SEQUENTIAL
            options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_ENABLE_ALL
            path = graph_file(self.ask["model"], self.ask["cache"], kind, self.ask["precision"])
            self.sessions[kind] = self.ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return self.sessions[kind]

    def pack(self, ids, texts, role):
        table, mask = pad(ids, self.padding)
        feed = {"input_ids": table}
        kind = "full" if mask is None else "mask"
        if kind == "mask":
            feed["attention_mask"] = mask
        self.session(kind)
        return kind, feed, mask

    def forward(self, packed):
        kind, feed, _ = packed
        return self.session(kind).run(None, feed)[0]

    def dense(self, packed):
        return mean_pool(self.forward(packed), packed[2])


if __name__ == "__main__":
    worker.serve(OnnxRuntime())

# SPDX-License-Identifier: Apache-2.0
"""worker_trident.py: this project's own library, by ctypes, token ids in and dense vectors out.

Every precision from a packed file, which int8 needs (it is calibrated), copied into huge pages."""
import ctypes
import hashlib
import pathlib

import numpy as np

import worker
from packed_folder import find_packed

SIZE, TEXT = ctypes.c_size_t, ctypes.c_char_p
DENSE = 1


class EngineOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("device", TEXT), ("threads", ctypes.c_int), ("isa", TEXT), ("precision", TEXT),
                ("log", ctypes.c_void_p), ("log_ctx", ctypes.c_void_p), ("weights_copy", ctypes.c_int)]


class ModelOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("want", ctypes.c_uint), ("tokenizer_rules", ctypes.c_int), ("no_tokenizer", ctypes.c_int),
                ("packed", TEXT)]


class SessionOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("max_length", SIZE), ("batch_tokens", SIZE), ("memory_limit", ctypes.c_uint64)]


class EmbedOptions(ctypes.Structure):
    _fields_ = [("struct_size", SIZE), ("want", ctypes.c_uint), ("role", ctypes.c_int), ("prompt", TEXT), ("dim", SIZE),
                ("on_long", ctypes.c_int), ("progress", ctypes.c_void_p), ("progress_ctx", ctypes.c_void_p)]


class Input(ctypes.Structure):
    _fields_ = [("bytes", TEXT), ("len", SIZE), ("ids", ctypes.POINTER(ctypes.c_uint32)),
                ("type_ids", ctypes.c_void_p), ("n_ids", SIZE)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("text", ctypes.c_char * 1024), ("hint", ctypes.c_char * 512)]


class DenseView(ctypes.Structure):
    _fields_ = [("values", ctypes.POINTER(ctypes.c_float)), ("dim", SIZE)]


class Trident(worker.Worker):
    sorted_group = 256  # nothing is padded, so that the larger call is the better one

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.lib, name)(*arguments, ctypes.byref(error)):
            raise RuntimeError(error.text.decode() + (f" ({error.hint.decode()})" if error.hint else ""))

    def options(self, kind, init):
        one = kind()
        getattr(self.lib, init)(ctypes.byref(one))
        return one

    def open(self, ask):
        program = pathlib.Path(ask["trident"])
        self.lib = ctypes.CDLL(str(program.parent / "libtrident.so"))
        self.lib.tri_engine_describe.restype = TEXT
        self.lib.tri_engine_describe.argtypes = [ctypes.c_void_p]
        self.lib.tri_embeddings_dense.restype = DenseView
        self.lib.tri_embeddings_dense.argtypes = [ctypes.c_void_p, SIZE]
        self.lib.tri_embeddings_free.argtypes = [ctypes.c_void_p]
        self.lib.tri_embed.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, SIZE, ctypes.c_void_p, ctypes.c_void_p]
        engine, model, self.session = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        options = self.options(EngineOptions, "tri_engine_options_init")
        options.threads, options.precision = ask["threads"], ask["precision"].encode()
        options.weights_copy = 1  # huge pages; loading is not timed here
        self.call("tri_engine_open", ctypes.byref(options), ctypes.byref(engine))
        options = self.options(ModelOptions, "tri_model_options_init")
        options.want, options.no_tokenizer = DENSE, 1
        folder = find_packed(program, ask["model"], ask["cache"], ask["precision"], ask["calibration"])
        self.call("tri_model_open", engine, str(folder).encode(), ctypes.byref(options), ctypes.byref(model))
        options = self.options(SessionOptions, "tri_session_options_init")
        self.call("tri_session_new", model, ctypes.byref(options), ctypes.byref(self.session))
        self.embed_options = self.options(EmbedOptions, "tri_embed_options_init")
        self.embed_options.want = DENSE
        return f"trident, {self.lib.tri_engine_describe(engine).decode()}", self.library_hash(program)

    @staticmethod
    def library_hash(program):
        return hashlib.sha256((program.parent / "libtrident.so").read_bytes()).hexdigest()[:12]

    def pack(self, ids, texts, role):
        arrays = [(ctypes.c_uint32 * len(one))(*one) for one in ids]
        inputs = (Input * len(ids))()
        for one, array in zip(inputs, arrays):
            one.ids, one.n_ids = ctypes.cast(array, ctypes.POINTER(ctypes.c_uint32)), len(array)
        return inputs, arrays

    def run(self, packed):
        out = ctypes.c_void_p()
        self.call("tri_embed", self.session, ctypes.byref(self.embed_options), packed[0], len(packed[1]), ctypes.byref(out))
        return out

    def forward(self, packed):
        self.lib.tri_embeddings_free(self.run(packed))

    def dense(self, packed):
        out = self.run(packed)
        views = [self.lib.tri_embeddings_dense(out, i) for i in range(len(packed[1]))]
        vectors = np.array([np.ctypeslib.as_array(view.values, (view.dim,)) for view in views])
        self.lib.tri_embeddings_free(out)
        return vectors


if __name__ == "__main__":
    worker.serve(Trident())

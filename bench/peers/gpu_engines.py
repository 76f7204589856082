# SPDX-License-Identifier: Apache-2.0
"""gpu_engines.py: the peers of bench/gpu_peers.py on one card, each with the same weights, the same ids and the same timed part.

A launch is what a program does that wants vectors: ids from pinned memory to the card, the encoder, row 0 of each text made unit
length, and the vectors back in host memory. The launch of a padded set is all of its batches, one after another, and one wait at
the end. Everything runs on one stream of ours, ONNX Runtime included, so that one pair of events spans a launch whoever does it.

What favours the peers: position ids are made once, texts of one length get no mask (SDPA then takes its flash kernel), nothing
is pooled but the row that is wanted, and padding into tables happens outside the clock.

torch, transformers, onnxruntime and flash_attn are looked for when a peer is made. What cannot be had raises Absent with the
reason, what is there and does not do this shape raises Absent from `prepare`; the driver turns both into rows."""
import contextlib
import importlib.util
import json
import os
import pathlib
import time

PADDING = 1  # XLM-R's <pad>, and its positions begin after it


class Absent(Exception):
    """Why there is no figure."""


class OutOfMemory(Exception):
    """The peer is here, the card is too small for it."""


def is_out_of_memory(error):
    """Each library has an error of its own for it, and they agree on nothing but the words."""
    words = f"{type(error).__name__} {error}".lower()
    return any(w in words for w in ("out of memory", "outofmemory", "out_of_memory", "failed to allocate", "bad_alloc", "alloc_failed"))


def here(module):
    with contextlib.suppress(ImportError, ValueError):
        return importlib.util.find_spec(module) is not None
    return False


class Card:
    """torch and the device that everything runs on; the processor where --cpu asks for it."""

    def __init__(self, device, precision):
        os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1", HF_HUB_OFFLINE="1")
        if not here("torch"):
            raise Absent("no module torch")
        import torch

        self.torch, self.device, self.precision = torch, torch.device(device), precision
        self.is_card = self.device.type == "cuda"
        if self.is_card and not torch.cuda.is_available():
            raise Absent("torch sees no card" if torch.version.cuda else "this torch was built without CUDA")
        self.dtype = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}.get(precision)
        torch.set_float32_matmul_precision("highest")  # f32 means f32: Trident's has no TF32 either
        if self.is_card:
            torch.backends.cudnn.allow_tf32 = False
            torch.cuda.set_device(self.device)
            self.stream = torch.cuda.Stream(self.device)

    @property
    def index(self):
        return self.device.index or 0

    def on_stream(self):
        return self.torch.cuda.stream(self.stream) if self.is_card else contextlib.nullcontext()

    def wait(self):
        if self.is_card:
            self.torch.cuda.synchronize(self.device)

    def name(self):
        return self.torch.cuda.get_device_name(self.device) if self.is_card else "cpu"

    def uuid(self):
        with contextlib.suppress(AttributeError, RuntimeError):
            return f"GPU-{self.torch.cuda.get_device_properties(self.device).uuid}"
        return str(self.index)

    def forget(self):
        """Gives back what torch keeps for later: another process needs the card now."""
        if self.is_card:
            self.wait()
            self.torch.cuda.empty_cache()

    def host(self, values, dtype):
        table = self.torch.tensor(values, dtype=dtype)
        return table.pin_memory() if self.is_card else table

    def pack(self, groups):
        """Host batches [(ids [B,S], mask [B,S] or None)] of lists of ids."""
        packed = []
        for ids in groups:
            longest = max(map(len, ids))
            table = self.host([one + [PADDING] * (longest - len(one)) for one in ids], self.torch.long)
            even = all(len(one) == longest for one in ids)
            mask = None if even else self.host([[1] * len(one) + [0] * (longest - len(one)) for one in ids], self.torch.long)
            packed.append((table, mask))
        return packed

    def launch(self, peer, packed):
        """(milliseconds between events or None, milliseconds of wall time, host vectors of each batch)."""
        torch, out = self.torch, []
        with torch.inference_mode(), self.on_stream():
            self.wait()
            begin = time.perf_counter()
            if self.is_card:
                first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                first.record(self.stream)
            for ids, mask in packed:
                ids = ids.to(self.device, non_blocking=True)
                vectors = peer.forward(ids, mask if mask is None else mask.to(self.device, non_blocking=True))
                if self.is_card:
                    landed = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
                    out.append(landed.copy_(vectors, non_blocking=True))
                else:
                    out.append(vectors)
            if not self.is_card:
                return None, (time.perf_counter() - begin) * 1e3, out
            last.record(self.stream)
            last.synchronize()
            wall = (time.perf_counter() - begin) * 1e3
            return first.elapsed_time(last), wall, out

    def attempt(self, work):
        """Runs work(); what a library says of too little memory becomes OutOfMemory."""
        try:
            return work()
        except (Absent, OutOfMemory):
            raise
        except Exception as error:  # torch, ONNX Runtime and TensorRT have nothing in common
            if is_out_of_memory(error):
                raise OutOfMemory(str(error).splitlines()[0][:160]) from error
            raise


class Peer:
    """name, version; prepare(shape) raises Absent; forward(ids, mask) gives unit-length vectors [B,D] on the device."""
    name = version = ""

    def prepare(self, shape, batches):
        """Called before the first launch of a shape: what compiles for a shape does it here or in the warm-up."""

    def forward(self, ids, mask):
        raise NotImplementedError


# ---- transformers --------------------------------------------------------------------------------------------------------------


def load_trunk(card, folder, attention, dtype):
    if not here("transformers"):
        raise Absent("no module transformers")
    import transformers

    def load(key):
        return transformers.AutoModel.from_pretrained(str(folder), attn_implementation=attention, add_pooling_layer=False,
                                                      output_loading_info=True, **{key: dtype})

    try:
        model, info = load("dtype")
    except TypeError:  # before transformers 4.56
        model, info = load("torch_dtype")
    missing = [key for key in info["missing_keys"] if "pooler" not in key and "position_ids" not in key]
    if missing:
        raise Absent(f"transformers found no weights for {missing[0]} and {len(missing) - 1} more")
    return model.eval().to(card.device), transformers.__version__


class Torch(Peer):
    """transformers' XLMRobertaModel; `mode` is torch.compile's, None for none."""

    def __init__(self, card, folder, attention="sdpa", mode=None, dtype=None, shapes=None):
        self.card, self.mode, self.compiled_shapes = card, mode, shapes
        self.name = f"transformers {attention}" if mode is None else f"torch.compile {mode}"
        if dtype is None and card.dtype is None:
            raise Absent(f"no {card.precision} in transformers")
        if mode and card.is_card and not here("triton"):
            raise Absent("torch.compile needs triton, which is not here")
        self.model, version = load_trunk(card, folder, attention, dtype or card.dtype)
        self.version = f"{version}+torch{card.torch.__version__}"
        self.run = self.whole
        if mode:
            card.torch._dynamo.config.cache_size_limit = max(64, getattr(card.torch._dynamo.config, "cache_size_limit", 0))
            self.run = card.torch.compile(self.whole, mode=mode, dynamic=False)
        self.places = {}

    def whole(self, ids, mask, places):
        hidden = self.model(input_ids=ids, attention_mask=mask, position_ids=places).last_hidden_state[:, 0]
        return self.card.torch.nn.functional.normalize(hidden.float(), dim=-1)

    def prepare(self, shape, batches):
        if not self.mode:
            return
        if len(batches) > 1:
            raise Absent(f"would compile anew for each of {len(batches)} batches of other lengths")
        if self.compiled_shapes and shape not in self.compiled_shapes:
            raise Absent("not asked for: see --compile-shapes")

    def forward(self, ids, mask):
        torch, extent = self.card.torch, tuple(ids.shape)
        if extent not in self.places:
            self.places[extent] = torch.arange(PADDING + 1, PADDING + 1 + extent[1], device=self.card.device).expand(extent).contiguous()
        if self.mode:
            torch.compiler.cudagraph_mark_step_begin()
        return self.run(ids, mask, self.places[extent])


# ---- ONNX Runtime --------------------------------------------------------------------------------------------------------------


class OnnxRuntime(Peer):
    """The graphs of bench/peers/onnx_graph.py: fused by ONNX Runtime's optimizer for its own kernels, plain for TensorRT.

    Inputs and output are bound to the tensors of torch, and the provider runs on our stream. A provider that falls back to the
    processor, which ONNX Runtime does with no more than a warning, is absent here."""

    def __init__(self, card, folder, work, provider, shapes=None):
        self.card, self.folder, self.work, self.provider, self.built_shapes = card, folder, pathlib.Path(work), provider, shapes
        short = provider.replace("ExecutionProvider", "")
        self.name = f"ONNX Runtime {short}"
        for module in ("onnxruntime", "onnx", "numpy", "safetensors"):
            if not here(module):
                raise Absent(f"no module {module}")
        import onnxruntime

        self.ort = onnxruntime
        if provider not in onnxruntime.get_available_providers():
            raise Absent(f"onnxruntime {onnxruntime.__version__} was built without {provider}")
        if card.precision not in ("f16", "f32"):
            raise Absent(f"no {card.precision} graph")
        if card.is_card and hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()  # CUDA's libraries out of torch's wheels
        onnxruntime.set_default_logger_severity(3)
        self.version, self.trt, self.sessions = onnxruntime.__version__, short == "Tensorrt", {}

    def graph(self, kind):
        import onnx_graph

        made = onnx_graph.graph_file(self.folder, self.work, f"plain-{kind}" if self.trt else kind, "f32")
        if self.trt or self.card.precision == "f32":
            return made  # TensorRT lowers the precision itself
        narrow = made.with_name(made.name.replace("f32", "f16"))
        if not narrow.exists():
            import onnx
            from onnxruntime.transformers.float16 import convert_float_to_float16

            graph = convert_float_to_float16(onnx.load(str(made)), keep_io_types=False, disable_shape_infer=True)
            onnx.save(graph, str(narrow))
        return narrow

    def provider_options(self, extent):
        if not self.card.is_card:
            return {}
        options = {"device_id": self.card.index, "user_compute_stream": str(self.card.stream.cuda_stream)}
        if self.trt:
            rows, tokens = extent
            inputs = ",".join(f"{name}:{rows}x{tokens}" for name in ("input_ids",))
            options.update(trt_fp16_enable=self.card.precision == "f16", trt_engine_cache_enable=True,
                           trt_engine_cache_path=str(self.work), trt_profile_min_shapes=inputs, trt_profile_opt_shapes=inputs,
                           trt_profile_max_shapes=inputs)
        return options

    def session(self, kind, extent):
        key = (kind, extent) if self.trt else kind
        if key not in self.sessions:
            providers = [(self.provider, self.provider_options(extent))]
            if self.trt:
                providers.append(("CUDAExecutionProvider", {k: v for k, v in providers[0][1].items() if not k.startswith("trt_")}))
            session = self.ort.InferenceSession(str(self.graph(kind)), self.ort.SessionOptions(), providers=providers)
            if session.get_providers()[0] != self.provider:
                raise Absent(f"{self.provider} did not load, ONNX Runtime fell back to {session.get_providers()[0]}")
            self.sessions[key] = session
        return self.sessions[key]

    def prepare(self, shape, batches):
        if not self.trt:
            return
        if len(batches) > 1:
            raise Absent(f"would build an engine for each of {len(batches)} batches of other lengths")
        if self.built_shapes and shape not in self.built_shapes:
            raise Absent("not asked for: see --trt-shapes")

    def forward(self, ids, mask):
        import numpy

        torch, extent = self.card.torch, tuple(ids.shape)
        session = self.session("full" if mask is None else "mask", extent)
        half = self.card.precision == "f16" and not self.trt
        out = torch.empty((*extent, json_width(self.folder)), dtype=torch.float16 if half else torch.float32, device=self.card.device)
        binding, kind = session.io_binding(), self.card.device.type
        for name, table in (("input_ids", ids), ("attention_mask", mask)):
            if table is not None:
                binding.bind_input(name, kind, self.card.index, numpy.int64, extent, table.data_ptr())
        binding.bind_output("token_embeddings", kind, self.card.index, numpy.float16 if half else numpy.float32, tuple(out.shape),
                            out.data_ptr())
        session.run_with_iobinding(binding)
        return torch.nn.functional.normalize(out[:, 0].float(), dim=-1)


def json_width(folder, known={}):
    if folder not in known:
        known[folder] = json.loads((pathlib.Path(folder) / "config.json").read_text())["hidden_size"]
    return known[folder]


# ---- which there are -----------------------------------------------------------------------------------------------------------

# name: (what it needs, how it is made of (card, folder, work, options))
PEERS = {
    "eager": ("torch, transformers", lambda card, folder, work, o: Torch(card, folder, "eager")),
    "sdpa": ("torch, transformers", lambda card, folder, work, o: Torch(card, folder, "sdpa")),
    "compile-ro": ("torch, transformers, triton",
                   lambda card, folder, work, o: Torch(card, folder, mode="reduce-overhead", shapes=o.compile_shapes)),
    "compile-ma": ("torch, transformers, triton",
                   lambda card, folder, work, o: Torch(card, folder, mode="max-autotune", shapes=o.compile_shapes)),
    "ort-cuda": ("onnxruntime-gpu, onnx, numpy, safetensors, sympy",
                 lambda card, folder, work, o: OnnxRuntime(card, folder, work, "CUDAExecutionProvider" if card.is_card else "CPUExecutionProvider")),
    "ort-trt": ("onnxruntime-gpu, onnx, TensorRT's libraries",
                lambda card, folder, work, o: OnnxRuntime(card, folder, work, "TensorrtExecutionProvider", shapes=o.trt_shapes)),
}


def modules_missing(name):
    """Of what a peer needs, the modules that this interpreter does not have; for --dry-run, without importing them."""
    modules = {"onnxruntime-gpu": "onnxruntime", "TensorRT's libraries": None}
    wanted = [modules.get(word, word) for word in PEERS[name][0].split(", ")]
    return [word for word in ["torch", *wanted] if word and not here(word)]


def cosine_worst(ours, reference):
    """The least cosine of rows of two lists of [B,D] tensors on the host."""
    worst = 1.0
    for a, b in zip(ours, reference):
        a, b = a.double(), b.double()
        worst = min(worst, float(((a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))).min()))
    return worst


def reference_vectors(card, folder, texts):
    """[n,D] on the host: f32, eager, one text at a time, so that nothing is padded. SDPA where eager's scores do not fit."""
    torch, out, trunks = card.torch, [], {}

    def encode(attention, packed):
        if attention not in trunks:
            trunks[attention] = Torch(card, folder, attention, dtype=torch.float32)
        return card.attempt(lambda: card.launch(trunks[attention], packed)[2][0])

    for ids in texts:
        packed = card.pack([[ids]])
        try:
            out.append(encode("eager", packed))
        except OutOfMemory:
            card.forget()
            out.append(encode("sdpa", packed))
    trunks.clear()
    card.forget()
    return torch.cat([one.float() for one in out])

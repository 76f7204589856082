# SPDX-License-Identifier: Apache-2.0
"""gpu_attention.py: attention alone, 16 heads of 64, by every kernel that can be had on this card. For bench/gpu_peers.py.

transformers has no unpadded forward of xlm-roberta, so that FlashAttention's varlen kernel, which reads packed rows as Trident's
does, cannot be compared as a whole model; here it can. Each kernel gets queries, keys and values in the layout it likes best, on
the card, random and anew for each launch. Texts of one length are one dense call; of a mix the dense kernels get the padded
table without a mask, which is more work and the fastest they can do, and the packed kernels get the rows there are.

TFLOP/s counts 4 x S x S x 64 x 16 for each text, padding not counted."""
import math
import time

from gpu_engines import Absent, here

HEADS, WIDTH = 16, 64
# name: lengths of the texts
SHAPES = {
    "attention-1x512": [512], "attention-1x2048": [2048], "attention-1x8192": [8192], "attention-32x512": [512] * 32,
    "attention-mix16-128": [16 + (i * 37) % 113 for i in range(128)], "attention-mix64-512": [64 + (i * 131) % 449 for i in range(64)],
}
CPU_SHAPES = {"attention-1x32": [32], "attention-mix8-24": [8 + (i * 5) % 17 for i in range(6)]}


def flops(lengths):
    return sum(4.0 * s * s * WIDTH * HEADS for s in lengths)


def offsets(lengths):
    out = [0]
    for s in lengths:
        out.append(out[-1] + s)
    return out


class Dense:
    """scaled_dot_product_attention with one backend, [B,H,S,64], padded."""
    packed = False

    def __init__(self, card, backend):
        try:
            from torch.nn.attention import SDPBackend, sdpa_kernel
        except ImportError as error:
            raise Absent("this torch cannot choose a backend of SDPA") from error
        if not hasattr(SDPBackend, backend):
            raise Absent(f"this torch has no {backend}")
        self.torch, self.kernel, self.backend = card.torch, sdpa_kernel, getattr(SDPBackend, backend)
        self.version = card.torch.__version__

    def run(self, qkv, lengths):
        with self.kernel(self.backend):
            return self.torch.nn.functional.scaled_dot_product_attention(*qkv)


class FlashVarlen:
    """flash_attn's varlen kernel, packed rows [T,H,64]."""
    packed = True

    def __init__(self, card):
        if not here("flash_attn"):
            raise Absent("no module flash_attn")
        import flash_attn

        self.torch, self.card, self.version = card.torch, card, flash_attn.__version__
        self.call, self.known = flash_attn.flash_attn_varlen_func, {}

    def starts(self, lengths):
        key = tuple(lengths)
        if key not in self.known:
            self.known[key] = self.torch.tensor(offsets(lengths), dtype=self.torch.int32, device=self.card.device)
        return self.known[key]

    def run(self, qkv, lengths):
        starts, longest = self.starts(lengths), max(lengths)
        return self.call(*qkv, starts, starts, longest, longest)


class TorchVarlen(FlashVarlen):
    """torch.nn.attention.varlen, where this torch has it."""

    def __init__(self, card):
        try:
            from torch.nn.attention.varlen import varlen_attn
        except ImportError as error:
            raise Absent("this torch has no torch.nn.attention.varlen") from error
        self.torch, self.card, self.version, self.call, self.known = card.torch, card, card.torch.__version__, varlen_attn, {}


KERNELS = {
    "sdpa flash": lambda card: Dense(card, "FLASH_ATTENTION"),
    "sdpa cudnn": lambda card: Dense(card, "CUDNN_ATTENTION"),
    "sdpa efficient": lambda card: Dense(card, "EFFICIENT_ATTENTION"),
    "sdpa math": lambda card: Dense(card, "MATH"),
    "torch varlen": TorchVarlen,
    "flash_attn varlen": FlashVarlen,
}


def draw(card, lengths, packed):
    torch = card.torch
    extent = (sum(lengths), HEADS, WIDTH) if packed else (len(lengths), HEADS, max(lengths), WIDTH)
    return tuple(torch.randn(extent, dtype=card.dtype, device=card.device) for _ in range(3))


def launch(card, kernel, lengths):
    """(milliseconds between events or None, wall milliseconds) of one call over rows drawn for it."""
    torch = card.torch
    with torch.inference_mode(), card.on_stream():
        qkv = draw(card, lengths, kernel.packed)
        card.wait()
        begin = time.perf_counter()
        if not card.is_card:
            kernel.run(qkv, lengths)
            return None, (time.perf_counter() - begin) * 1e3
        first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        first.record(card.stream)
        kernel.run(qkv, lengths)
        last.record(card.stream)
        last.synchronize()
        return first.elapsed_time(last), (time.perf_counter() - begin) * 1e3


def cosine(card, kernel, lengths):
    """Least cosine of a text's output, all heads, with f32 mathematics of the same rounded inputs; the first text is looked at."""
    torch = card.torch
    with torch.inference_mode(), card.on_stream():
        qkv = draw(card, lengths, kernel.packed)
        got = kernel.run(qkv, lengths)
        n = lengths[0] if kernel.packed else max(lengths)
        one = [x[:n].transpose(0, 1) if kernel.packed else x[0] for x in qkv]  # [H,S,64]
        got = got[:n].transpose(0, 1) if kernel.packed else got[0]
        worst = 1.0
        for head in range(HEADS):  # one at a time: 8192 x 8192 scores in f32 are 256 MiB
            q, k, v = (x[head].float() for x in one)
            want = torch.softmax(q @ k.T / math.sqrt(WIDTH), -1) @ v
            worst = min(worst, float(torch.nn.functional.cosine_similarity(got[head].float().flatten(), want.flatten(), 0)))
        card.wait()
        return worst

/* SPDX-License-Identifier: Apache-2.0 */
/* torch_write.h — a state dict of a few small tensors as torch.save writes one: what torch.load(weights_only=True) reads. */
#ifndef TRI_FORMATS_TORCH_WRITE_H
#define TRI_FORMATS_TORCH_WRITE_H

#include "trident/status.h"
#include "formats/weights.h"

/* Under their names; f32, f16, bf16 or f64, rank 1 or 2, under 1 GB in all. Appears at `path` when whole. */
tri_status torch_write(const char *path, const weight *const *tensors, size_t n, tri_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* weights.h — the named tensors of a model, whatever files they came in: viewed in the mapped file, not copied.
 *
 * safetensors (single, sharded), PyTorch zip pickles (single, sharded) and GGUF all end as one table of `weight`. Tensors that
 * are not contiguous in their storage, or quantised, are copied once into memory owned by the table. Data may be unaligned for
 * its type. Every number in these files was checked against the file's size before it came here. */
#ifndef TRI_FORMATS_WEIGHTS_H
#define TRI_FORMATS_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/half.h"
#include "base/limits.h"

typedef struct weight {
    const char *name;
    dtype type;            /* DTYPE_OTHER: present, but of a type we do not read; `type_name` says which */
    const char *type_name; /* as the file has it: "F16", "torch.HalfStorage" */
    const char *file;      /* path of the file it lies in, for messages */
    int rank;
    uint64_t shape[LIMIT_TENSOR_RANK];
    const void *data; /* row-major, little-endian */
    size_t bytes;
} weight;

typedef struct weights weights;

/* The weights of a model folder: model.safetensors, model.safetensors.index.json, pytorch_model.bin,
 * pytorch_model.bin.index.json, in this order. TRI_ERR_NOT_FOUND names the folder and the four names. */
tri_status weights_open_dir(const char *dir, weights **out, tri_error *err);
/* One file, told apart by content (safetensors, torch zip, GGUF). Used for heads and Dense modules too. */
tri_status weights_open_file(const char *path, weights **out, tri_error *err);
void weights_close(weights *w);

const weight *weights_find(const weights *w, const char *name); /* NULL = absent */
size_t weights_count(const weights *w);
const weight *weights_at(const weights *w, size_t i);
/* For whoever brings foreign names into ours (tensor_table.h); before anyone looks a tensor up. */
struct tensor_table;
struct tensor_table *weights_table(weights *w);
size_t weights_files(const weights *w);
const char *weights_file(const weights *w, size_t i);
/* A tensor was read for the last time in a while: its pages need not stay in memory. A hint; its data stay readable. */
void weights_wont_need(const weights *w, const weight *t);
uint64_t weights_bytes(const weights *w); /* of tensor data, mapped */

/* "[384,1536]" into out; for messages. */
const char *weight_shape_text(const weight *t, char out[128]);

#endif

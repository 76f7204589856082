/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors.h — the tensors of a safetensors file.
 *
 *   offset  size  meaning
 *   0       8     N, little-endian: bytes of the header, at most 100,000,000
 *   8       N     JSON: {"name": {"dtype": "F16", "shape": [2,3], "data_offsets": [begin, end]}, ..., "__metadata__": {...}},
 * may be padded with spaces at its end 8 + N         data: each tensor row-major and little-endian, offsets counted from here,
 * no gap and no overlap */
#ifndef TRI_FORMATS_SAFETENSORS_H
#define TRI_FORMATS_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "formats/tensor_table.h"

/* Adds the file's tensors, viewed in the bytes. A tensor of a type that this house does not read is added with DTYPE_OTHER: an
 * error only for whoever needs it. `file` is kept as weight.file. Messages do not name the file: the caller does. */
tri_status safetensors_parse(const uint8_t *bytes, size_t len, const char *file, tensor_table *t, tri_error *err);

#endif

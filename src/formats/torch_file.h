/* SPDX-License-Identifier: Apache-2.0 */
/* torch_file.h — the tensors of a file written by torch.save: the zip form of torch 1.6 and later, and the older one. */
#ifndef TRI_FORMATS_TORCH_FILE_H
#define TRI_FORMATS_TORCH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "formats/tensor_table.h"

bool torch_file_is_zip(const uint8_t *bytes, size_t len);
bool torch_file_is_legacy(const uint8_t *bytes, size_t len); /* before torch 1.6 */
/* Adds the tensors of the state dict. Their data point into the bytes, or for those that are not contiguous into t->store.
 * `file` is kept as weight.file. Messages do not name the file: the caller does. */
tri_status torch_file_parse(const uint8_t *bytes, size_t len, const char *file, tensor_table *t, tri_error *err);

#endif

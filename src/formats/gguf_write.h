/* SPDX-License-Identifier: Apache-2.0 */
/* gguf_write.h — writing keys and tensors as a GGUF file, version 3: keys and tensors are declared, then the tensors' bytes
 * follow in the order of declaration, in pieces of any size. The file appears under its name, whole, at commit. */
#ifndef TRI_FORMATS_GGUF_WRITE_H
#define TRI_FORMATS_GGUF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"
#include "formats/gguf.h"

typedef struct gguf_writer gguf_writer;

tri_status gguf_write_open(const char *path, gguf_writer **out, tri_error *err);
/* Keys must differ. */
tri_status gguf_write_u32(gguf_writer *w, const char *key, uint32_t value, tri_error *err);
tri_status gguf_write_f32(gguf_writer *w, const char *key, float value, tri_error *err);
tri_status gguf_write_bool(gguf_writer *w, const char *key, bool value, tri_error *err);
tri_status gguf_write_text(gguf_writer *w, const char *key, const char *text, size_t len, tri_error *err);
/* An array of n items, whose bytes follow at once: gguf_write_item n times, or gguf_write_item_text for strings. */
tri_status gguf_write_array(gguf_writer *w, const char *key, gguf_type item, uint64_t n, tri_error *err);
tri_status gguf_write_item(gguf_writer *w, const void *bytes, size_t len, tri_error *err);
tri_status gguf_write_item_text(gguf_writer *w, const char *text, size_t len, tri_error *err);
/* shape: outermost first; type: a GGUF_TENSOR_*, whose blocks divide the last dimension. */
tri_status gguf_write_declare(gguf_writer *w, const char *name, uint32_t type, int rank, const uint64_t *shape, tri_error *err);
tri_status gguf_write_begin(gguf_writer *w, tri_error *err);
tri_status gguf_write_data(gguf_writer *w, const void *bytes, size_t len, tri_error *err); /* pads at a tensor's end */
tri_status gguf_write_commit(gguf_writer *w, tri_error *err); /* w is gone, on success and on failure */
void gguf_write_discard(gguf_writer *w);                      /* nothing is left behind; NULL is fine */

#endif

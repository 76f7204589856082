/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors_write.h — writing named tensors and metadata as a safetensors file.
 *
 * Two ways, never mixed in one file:
 *   all sizes known: declare each tensor, safetensors_write_begin, then safetensors_write_data in the order of declaration, in
 *                    pieces of any size; nothing is kept in memory, so a model of any size can be written;
 *   sizes known at the end: declare each tensor as one that grows in its first dimension, safetensors_write_append to any of
 * them in any order; what is over 1 MiB for a tensor waits in PATH.part<i> files, which are gone after commit or discard. Both
 * end with safetensors_write_commit: the file appears under its name, whole. */
#ifndef TRI_FORMATS_SAFETENSORS_WRITE_H
#define TRI_FORMATS_SAFETENSORS_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/half.h"

typedef struct safetensors_writer safetensors_writer;

/* "-" (standard output) is refused: the header comes first and is known last. */
tri_status safetensors_write_open(const char *path, safetensors_writer **out, tri_error *err);
/* key and value are UTF-8; the value may be as long as the format's header limit allows. Before
 * safetensors_write_begin, or any time while tensors grow. */
tri_status safetensors_write_metadata(safetensors_writer *w, const char *key, const char *value, size_t value_len,
                                      tri_error *err);
/* Tensors are numbered 0, 1, ... as declared. Names must differ. */
tri_status safetensors_write_declare(safetensors_writer *w, const char *name, dtype type, int rank, const uint64_t *shape,
                                     tri_error *err);
/* shape[0] is not read: it will be the number of rows appended. rank >= 1. */
tri_status safetensors_write_declare_growing(safetensors_writer *w, const char *name, dtype type, int rank,
                                             const uint64_t *shape, tri_error *err);
tri_status safetensors_write_begin(safetensors_writer *w, tri_error *err);
tri_status safetensors_write_data(safetensors_writer *w, const void *bytes, size_t len, tri_error *err);
/* A whole number of rows of a growing tensor. */
tri_status safetensors_write_append(safetensors_writer *w, size_t tensor, const void *bytes, size_t len, tri_error *err);
tri_status safetensors_write_commit(safetensors_writer *w, tri_error *err); /* w is gone, on success and on failure */
void safetensors_write_discard(safetensors_writer *w);                      /* nothing is left behind; NULL is fine */

#endif

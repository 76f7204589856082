/* SPDX-License-Identifier: Apache-2.0 */
/* packed_match.h — which files were matrices made from, and are they still the ones in the folder? */
#ifndef TRI_MODEL_PACKED_MATCH_H
#define TRI_MODEL_PACKED_MATCH_H

#include "base/arena.h"
#include "formats/packed_file.h"
#include "formats/weights.h"

typedef enum {
    PACKED_FRESH,   /* sizes and times as they were */
    PACKED_TOUCHED, /* other times, the same content: compared byte for byte through the hash */
    PACKED_STALE    /* made from other weights */
} packed_state;

/* The files of these tables (NULL tables are left out), named from `dir`, as they are now; names and items in keep. */
tri_status packed_sources(const char *dir, const weights *const *tables, size_t n_tables, arena *keep, packed_source **items,
                          size_t *n, tri_error *err);
/* XXH3-128 of all their bytes, one file after the other. */
tri_status packed_identity(const char *dir, const packed_source *items, size_t n, uint8_t out[HASH128_BYTES], tri_error *err);
/* `why` [256] says what differs. The files of `w` and those of `heads` (paths) must be among the sources. */
tri_status packed_match(const packed_file *f, const char *dir, const weights *w, const char *const *heads, size_t n_heads,
                        packed_state *state, char *why, tri_error *err);

#endif

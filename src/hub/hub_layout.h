/* SPDX-License-Identifier: Apache-2.0 */
/* hub_layout.h — which files of a published model are needed? Pure functions of the hub's listing; no network here. */
#ifndef TRI_HUB_HUB_LAYOUT_H
#define TRI_HUB_HUB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/arena.h"
#include "base/strmap.h"
#include "hub/digest.h"

enum { HUB_COMMIT_CAP = 72 };

typedef struct hub_file {
    const char *path;          /* safe: inside the folder, see hub_layout_is_safe */
    char hash[DIGEST_HEX_CAP]; /* SHA-256 or git's, empty = the listing does not say */
    uint64_t bytes;            /* meaningful when bytes_known */
    bool bytes_known, wanted;
} hub_file;

typedef struct hub_listing {
    char commit[HUB_COMMIT_CAP];
    hub_file *files;
    size_t count;
    arena memory;
    strmap names; /* path to place in files */
} hub_listing;

/* The answer of GET /api/models/NAME/revision/REV?blobs=true. A file name that leads out of the folder refuses the listing. */
tri_status hub_listing_parse(const void *json, size_t len, hub_listing *out, tri_error *err);
void hub_listing_drop(hub_listing *l);                              /* a zeroed one is fine */
hub_file *hub_listing_find(const hub_listing *l, const char *path); /* NULL = absent */

/* Relative, without "", "." or "..", backslashes or control characters; at most 512 bytes. */
bool hub_layout_is_safe(const char *path);
/* Marks what is wanted: configs, tokenizer, modules, heads, and one form of the weights. *index is the name of the shard index
 * to read for the rest, NULL when the weights are one file. No weights that can be read: TRI_ERR_UNSUPPORTED. */
tri_status hub_layout_select(hub_listing *l, const char **index, tri_error *err);
/* Marks the shards that the index (its text) names; each must be listed. */
tri_status hub_layout_select_shards(hub_listing *l, const char *index, const void *json, size_t len, tri_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* hub_fetch.h — one file of a model from the hub to the disk: resumed, verified, whole or not there. */
#ifndef TRI_HUB_HUB_FETCH_H
#define TRI_HUB_HUB_FETCH_H

#include "hub/hub_client.h"
#include "hub/hub_layout.h"

/* How far along the whole pull is. */
typedef struct hub_meter {
    uint64_t done, total, fetched; /* bytes: there, in all, and come over the wire */
} hub_meter;

/* Fills in what the listing did not say about a file (hash, size) from the headers of `url_path`. */
tri_status hub_fetch_facts(hub_client *c, const char *url_path, hub_file *f, tri_error *err);
/* The file at `url_path` to `path`. `identity` names the content in the note of the part: the hash, or commit and name. */
tri_status hub_fetch_file(hub_client *c, const char *url_path, const hub_file *f, const char *identity, const char *path,
                          hub_meter *meter, tri_error *err);
/* Is this file, already on the disk, the one that is meant? Only a known hash can say yes. */
bool hub_fetch_is_same(const hub_file *f, const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* index_meta.h — what the command line writes into an index besides vectors: which model made them, and how far a build is.
 *
 *   the manifest's meta, fixed when the index is made:
 *       {"model": "small-m3", "path": "/abs/...", "fingerprint": "16 hex", "tokenizer_rules": "file", "role": "passage",
 *        "max_length": 512, "corpus": "a.jsonl", "corpus_xxh3": "16 hex"}
 *   DIR/build.json, replaced as work goes on:
 *       {"operation": "build" | "add", "corpus_xxh3": "16 hex", "complete": true | false} */
#ifndef TRI_CLI_INDEX_META_H
#define TRI_CLI_INDEX_META_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "trident/index.h"

typedef struct index_meta {
    char model[LIMIT_PATH]; /* as the user named it */
    char path[LIMIT_PATH];  /* the folder, absolute */
    uint64_t fingerprint;
    int rules;         /* TRI_RULES_* */
    int role;          /* TRI_ROLE_* */
    size_t max_length; /* in force: never 0 */
    char corpus[LIMIT_PATH];
    uint64_t corpus_hash; /* 0 = standard input: not known */
} index_meta;

tri_status index_meta_render(const index_meta *meta, buf *out, tri_error *err);
tri_status index_meta_parse(const char *dir, const char *json, index_meta *out, tri_error *err);

typedef struct build_state {
    bool is_add, complete;
    uint64_t corpus_hash;
} build_state;

/* No file gives {build, not complete}: the build was stopped before it could say more. */
tri_status build_state_load(const char *dir, build_state *out, tri_error *err);
tri_status build_state_save(const char *dir, const build_state *state, tri_error *err);

/* XXH3-64 of a file's bytes, never 0; 0 for standard input. */
tri_status index_meta_hash_file(const char *path, uint64_t *hash, tri_error *err);

#endif

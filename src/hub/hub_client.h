/* SPDX-License-Identifier: Apache-2.0 */
/* hub_client.h — one HTTP question to a model hub: redirects followed by hand, the token kept at home. */
#ifndef TRI_HUB_HUB_CLIENT_H
#define TRI_HUB_HUB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/types.h"
#include "base/buf.h"
#include "hub/hub_layout.h"

typedef struct hub_client hub_client;

typedef struct hub_client_options {
    const char *endpoint; /* http:// or https://, without a slash at the end */
    const char *token;    /* NULL = none */
    unsigned timeout_s, retries;
    tri_progress_fn progress; /* may be NULL; asked at least once a second, also while nothing moves */
    void *progress_ctx;
} hub_client_options;

tri_status hub_client_new(const hub_client_options *o, hub_client **out, tri_error *err); /* options are borrowed */
void hub_client_free(hub_client *c);
const hub_client_options *hub_client_settings(const hub_client *c);
/* What the progress function is told from now on. */
void hub_client_set_progress(hub_client *c, uint64_t done, uint64_t total);
/* Asks the progress function whether to stop: TRI_ERR_CANCELLED. */
tri_status hub_client_check_stop(hub_client *c, tri_error *err);

/* What the last answer said; unset texts are empty. */
typedef struct hub_reply {
    long status;                      /* 0 = there was no answer */
    bool transient;                   /* asking again may help */
    char etag[256], linked_etag[256]; /* without quotes; weak ones are left out */
    bool length_known, linked_size_known, range_known;
    uint64_t length, linked_size;      /* of the body; of the file behind a redirect */
    uint64_t range_first, range_total; /* Content-Range of a 206 */
    unsigned retry_after_s;
    char redirect[2048]; /* absolute; empty = none */
} hub_reply;

typedef struct hub_request {
    const char *path;     /* after the endpoint: "/BAAI/bge-m3/resolve/main/config.json" */
    bool head;            /* headers only, of the first answer that is about the file; redirects to storage are not followed */
    uint64_t from;        /* > 0: Range: bytes=from- */
    const char *if_range; /* ETag without quotes; NULL or empty = none */
    tri_status (*begin)(void *ctx, const hub_reply *reply, tri_error *err); /* before the body of a 200 or 206 */
    tri_status (*body)(void *ctx, const void *bytes, size_t len, tri_error *err);
    void *ctx;
} hub_request;

/* Asks once. TRI_OK: there was an answer, whose status the caller judges. TRI_ERR_NETWORK: there was none, or it broke off.
 * Errors of begin and body come back as they are. */
tri_status hub_client_ask(hub_client *c, const hub_request *r, hub_reply *reply, tri_error *err);

#endif

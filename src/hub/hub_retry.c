/* SPDX-License-Identifier: Apache-2.0 */
/* hub_retry.c — asking again, politely and not for ever.
 *
 * Repeated are: no answer, a broken one, and the statuses that say "later" (408, 425, 429, 500, 502, 503, 504). The wait is
 * 0.25 s, doubled each time up to 30 s, or what Retry-After says when that is longer; a server that asks for more than two
 * minutes is not waited for, the user is told. An attempt that gained bytes begins the count anew (hub_fetch does that), so a
 * line that breaks every minute still brings a large file home. */
#include "hub/hub_retry.h"

#include <time.h>

#include "base/err.h"

enum { FIRST_WAIT_MS = 250, MAX_WAIT_MS = 30000, MAX_RETRY_AFTER_S = 120, SLICE_MS = 100 };

static tri_status nap(hub_client *c, unsigned ms, tri_error *err)
{
    const struct timespec slice = {0, SLICE_MS * 1000000L};
    for (unsigned slept = 0; slept < ms; slept += SLICE_MS) {
        TRI_TRY(hub_client_check_stop(c, err));
        nanosleep(&slice, NULL);
    }
    return TRI_OK;
}

tri_status hub_retry_wait(hub_retry *retry, hub_client *c, const hub_reply *reply, tri_status st, tri_error *err)
{
    if (st != TRI_ERR_NETWORK || !reply->transient) return st;
    if (retry->used >= hub_client_settings(c)->retries) {
        if (retry->used == 0) return st;
        return err_prefix(err, st, "gave up after %u attempts: ", retry->used + 1);
    }
    if (reply->retry_after_s > MAX_RETRY_AFTER_S) {
        err_prefix(err, st, "the hub asks to wait for %u s: ", reply->retry_after_s);
        return err_hint(err, st, "run the same command again later: what has come is kept");
    }
    unsigned ms = retry->used < 7 ? FIRST_WAIT_MS << retry->used : MAX_WAIT_MS;
    if (ms < reply->retry_after_s * 1000u) ms = reply->retry_after_s * 1000u;
    retry->used++;
    return nap(c, ms, err);
}

static const char *remedy(const hub_client *c, long status)
{
    const bool has_token = hub_client_settings(c)->token != NULL;
    switch (status) {
    case 401:
    case 403:
        return has_token
                   ? "the token was refused: check HF_TOKEN, and that its account was granted this model on the hub's page"
                   : "check the model's name; a private or gated model needs a token in HF_TOKEN (or `trident pull` finds the "
                     "one "
                     "that huggingface-cli keeps)";
    case 404:
        return "check the model's name and --revision; names are ORG/NAME with the hub's capitals";
    case 416:
        return "run the same command again";
    case 429:
        return "the hub limits how often it is asked: wait a few minutes, or set HF_TOKEN";
    default:
        break;
    }
    return status >= 500 ? "the hub has a fault: try again later, or set HF_ENDPOINT to a mirror" : "check HF_ENDPOINT";
}

tri_status hub_retry_judge(const hub_client *c, const hub_request *r, const hub_reply *reply, tri_error *err)
{
    if (reply->status == 200 || reply->status == 206) return TRI_OK;
    if (r->head && reply->status >= 300 && reply->status < 400) return TRI_OK;
    tri_status st = reply->status == 404 ? TRI_ERR_NOT_FOUND : TRI_ERR_NETWORK;
    err_set(err, st, "%s answered status %ld for %s", hub_client_settings(c)->endpoint, reply->status, r->path);
    return err_hint(err, st, "%s", remedy(c, reply->status));
}

tri_status hub_retry_ask(hub_client *c, const hub_request *r, hub_reply *reply, tri_error *err)
{
    hub_retry retry = {0};
    for (;;) {
        tri_status st = hub_client_ask(c, r, reply, err);
        if (!st) st = hub_retry_judge(c, r, reply, err);
        if (!st) return TRI_OK;
        TRI_TRY(hub_retry_wait(&retry, c, reply, st, err));
    }
}

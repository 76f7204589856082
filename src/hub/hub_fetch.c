/* SPDX-License-Identifier: Apache-2.0 */
/* hub_fetch.c — one file of a model from the hub to the disk.
 *
 *        open part (what an earlier pull left)
 *   +--> ask for the rest:  206 from the right byte: append       200: begin anew, the whole comes
 *   |                       416: begin anew                       cut, stalled, "later": wait, and ask for the rest again
 *   |    all there? -> size and hash right? -> sync, rename
 *   +---- wrong: empty the part; once. A second time it is refused.
 *
 * 1. PATH exists only when size and hash were right. The hash is taken from the disk, over everything, resumed or not.
 * 2. A resumed request carries If-Range with the ETag of the server that sent the first part; a server that ignores it and
 *    appends another version's bytes is found out by the hash, one that shows another ETag at once.
 * 3. More bytes than the file has are refused while they come, not after they have filled the disk. */
#include "hub/hub_fetch.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "hub/digest.h"
#include "hub/hub_retry.h"
#include "hub/part_file.h"

typedef struct transfer {
    hub_client *c;
    const hub_file *f;
    hub_meter *meter;
    part_file part;
    bool restart;  /* the server's answer does not continue our part: ask from zero */
    uint64_t most; /* bytes that the part ever had: an attempt that brings more has gained something */
} transfer;

static void take_hash(char hash[DIGEST_HEX_CAP], const char *etag)
{
    digest_kind kind;
    if (digest_kind_of(etag, &kind)) memcpy(hash, etag, strlen(etag) + 1);
}

tri_status hub_fetch_facts(hub_client *c, const char *url_path, hub_file *f, tri_error *err)
{
    hub_reply reply;
    const hub_request ask = {.path = url_path, .head = true};
    TRI_TRY(hub_retry_ask(c, &ask, &reply, err));
    if (!f->hash[0]) take_hash(f->hash, reply.linked_etag[0] ? reply.linked_etag : reply.etag);
    if (f->bytes_known) return TRI_OK;
    if (reply.linked_size_known)
        f->bytes = reply.linked_size;
    else if (reply.status == 200 && reply.length_known)
        f->bytes = reply.length;
    f->bytes_known = reply.linked_size_known || (reply.status == 200 && reply.length_known);
    return TRI_OK;
}

bool hub_fetch_is_same(const hub_file *f, const char *path)
{
    char hash[DIGEST_HEX_CAP];
    digest_kind kind;
    uint64_t bytes = 0;
    if (!digest_kind_of(f->hash, &kind) || !file_exists(path)) return false;
    if (f->bytes_known && (file_size(path, &bytes, NULL) != TRI_OK || bytes != f->bytes)) return false;
    return digest_file(kind, path, hash, NULL, NULL) == TRI_OK && strcmp(hash, f->hash) == 0;
}

static tri_status begin_anew(transfer *t, const char *etag, tri_error *err)
{
    t->meter->done -= t->part.bytes;
    return part_file_restart(&t->part, etag, err);
}

/* The server's headers, before the body: does it send what is missing? */
static tri_status on_begin(void *ctx, const hub_reply *reply, tri_error *err)
{
    transfer *t = ctx;
    bool continues = reply->status == 206;
    if (continues) {
        bool other = t->part.etag[0] && reply->etag[0] && strcmp(t->part.etag, reply->etag) != 0;
        bool fits = reply->range_known && reply->range_first == t->part.bytes && !other;
        t->restart = !fits && t->part.bytes > 0;
        if (!fits) return err_set(err, TRI_ERR_NETWORK, "the server does not continue %s where it was cut", t->f->path);
    }
    bool known = continues ? reply->range_known : reply->length_known;
    uint64_t whole = continues ? reply->range_total : reply->length;
    if (t->f->bytes_known && known && whole != t->f->bytes)
        return err_set(err, TRI_ERR_MISMATCH, "the server has %" PRIu64 " bytes for %s, the hub's listing says %" PRIu64, whole,
                       t->f->path, t->f->bytes);
    return continues ? TRI_OK : begin_anew(t, reply->etag, err);
}

static tri_status on_body(void *ctx, const void *bytes, size_t len, tri_error *err)
{
    transfer *t = ctx;
    if (t->f->bytes_known && len > t->f->bytes - t->part.bytes)
        return err_set(err, TRI_ERR_MISMATCH, "the server sends more than the %" PRIu64 " bytes of %s", t->f->bytes,
                       t->f->path);
    TRI_TRY(part_file_append(&t->part, bytes, len, err));
    t->meter->done += len;
    t->meter->fetched += len;
    hub_client_set_progress(t->c, t->meter->done, t->meter->total);
    return TRI_OK;
}

/* Asks for the rest until it is there; leaves the wrong and the impossible to the caller. Ends: without a new most, attempts
 * are counted, and a restart never makes one. */
static tri_status bring_rest(transfer *t, const char *url_path, tri_error *err)
{
    hub_retry retry = {0};
    for (;;) {
        hub_reply reply;
        const hub_request ask = {
            .path = url_path, .from = t->part.bytes, .if_range = t->part.etag, .begin = on_begin, .body = on_body, .ctx = t};
        t->restart = false;
        tri_status st = hub_client_ask(t->c, &ask, &reply, err);
        if (!st && reply.status == 416 && t->part.bytes > 0)
            t->restart = true;
        else if (!st)
            st = hub_retry_judge(t->c, &ask, &reply, err);
        if (t->restart) {
            TRI_TRY(begin_anew(t, "", err));
            continue;
        }
        if (!st) return TRI_OK;
        if (t->part.bytes > t->most) retry.used = 0;
        if (t->part.bytes > t->most) t->most = t->part.bytes;
        TRI_TRY(hub_retry_wait(&retry, t->c, &reply, st, err));
    }
}

static tri_status check_whole(const transfer *t, tri_error *err)
{
    char hash[DIGEST_HEX_CAP];
    digest_kind kind;
    if (t->f->bytes_known && t->part.bytes != t->f->bytes)
        return err_set(err, TRI_ERR_MISMATCH, "%s came with %" PRIu64 " bytes, expected %" PRIu64, t->f->path, t->part.bytes,
                       t->f->bytes);
    if (!digest_kind_of(t->f->hash, &kind)) return TRI_OK;
    TRI_TRY(digest_file(kind, t->part.part, hash, NULL, err));
    if (strcmp(hash, t->f->hash) == 0) return TRI_OK;
    return err_set(err, TRI_ERR_MISMATCH, "%s came with %s %s, expected %s", t->f->path,
                   kind == DIGEST_SHA256 ? "sha256" : "git hash", hash, t->f->hash);
}

static tri_status bring_and_check(transfer *t, const char *url_path, tri_error *err)
{
    bool all_there = t->f->bytes_known && t->part.bytes == t->f->bytes && t->part.bytes > 0;
    if (!all_there) TRI_TRY(bring_rest(t, url_path, err));
    return check_whole(t, err);
}

static tri_status run_transfer(transfer *t, const char *url_path, tri_error *err)
{
    if (t->f->bytes_known && t->part.bytes > t->f->bytes) TRI_TRY(begin_anew(t, "", err));
    tri_status st = bring_and_check(t, url_path, err);
    if (st == TRI_ERR_MISMATCH) { /* damaged on the way, or a stale part: once more from zero */
        TRI_TRY(begin_anew(t, "", err));
        st = bring_and_check(t, url_path, err);
    }
    if (st != TRI_ERR_MISMATCH) return st;
    TRI_TRY(begin_anew(t, "", NULL));
    err_prefix(err, st, "refused twice: ");
    return err_hint(err, st, "the server or something between sends a damaged file: try later, or another HF_ENDPOINT");
}

tri_status hub_fetch_file(hub_client *c, const char *url_path, const hub_file *f, const char *identity, const char *path,
                          hub_meter *meter, tri_error *err)
{
    transfer t = {.c = c, .f = f, .meter = meter};
    TRI_TRY(part_file_open(&t.part, path, identity, err));
    t.most = t.part.bytes;
    meter->done += t.part.bytes;
    hub_client_set_progress(c, meter->done, meter->total);
    tri_status st = run_transfer(&t, url_path, err);
    if (!st) return part_file_commit(&t.part, err);
    part_file_close(&t.part);
    return st;
}

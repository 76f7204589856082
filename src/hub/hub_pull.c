/* SPDX-License-Identifier: Apache-2.0 */
/* hub_pull.c — a published model from a model hub.
 *
 *   listing of the revision  ->  what is needed  ->  each file: reuse, or fetch and check  ->  record
 *
 * 1. The revision is asked for once; files are then fetched by the commit it named, so that a push in between cannot mix two
 *    versions.
 * 2. Order: the small files, then the weights, so that what is wrong with a model shows before its gigabytes come.
 * 3. A file that is already right (same hash) in the working folder or in the older folder of the same model is not fetched. */
#include "hub/hub_pull.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "hub/hub_client.h"
#include "hub/hub_fetch.h"
#include "hub/hub_layout.h"
#include "hub/hub_retry.h"

enum { URL_PATH_CAP = 2048, SPARE_DISK = 1 << 20 };

typedef struct hub_job {
    const char *name;
    const pull_options *o;
    hub_client *c;
    hub_listing listing;
    hub_meter meter;
} hub_job;

static const char *revision_of(const pull_options *o)
{
    return o->revision ? o->revision : "main";
}

void hub_pull_source(const char *name, const pull_options *o, char *out, size_t cap)
{
    snprintf(out, cap, "hub %s@%.200s", name, revision_of(o));
}

static tri_status open_client(const pull_options *o, char endpoint[LIMIT_PATH], hub_client **out, tri_error *err)
{
    size_t len = strlen(o->endpoint);
    while (len && o->endpoint[len - 1] == '/') len--;
    if (len >= LIMIT_PATH) return err_set(err, TRI_ERR_LIMIT, "the hub's address has %zu bytes", len);
    memcpy(endpoint, o->endpoint, len);
    endpoint[len] = 0;
    const hub_client_options options = {.endpoint = endpoint,
                                        .token = o->token,
                                        .timeout_s = o->timeout_s,
                                        .retries = o->retries,
                                        .progress = o->progress,
                                        .progress_ctx = o->progress_ctx};
    return hub_client_new(&options, out, err);
}

/* text escaped for a path; `slashes` keeps '/' as it is. */
static tri_status escape(char *out, size_t cap, const char *text, bool slashes, tri_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 4 <= cap; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._~", *p) ||
                     (slashes && *p == '/');
        if (plain) {
            out[n++] = (char)*p;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[*p >> 4];
        out[n++] = digits[*p & 15];
    }
    if (n + 4 > cap) return err_set(err, TRI_ERR_LIMIT, "\"%.64s...\" is too long for an address", text);
    out[n] = 0;
    return TRI_OK;
}

/* ---- the listing --------------------------------------------------------------------------------------------------- */

static tri_status clear_text(void *ctx, const hub_reply *reply, tri_error *err)
{
    (void)reply, (void)err;
    buf_clear(ctx);
    return TRI_OK;
}

static tri_status append_text(void *ctx, const void *bytes, size_t len, tri_error *err)
{
    tri_status st = buf_append(ctx, bytes, len);
    return st ? err_set(err, st, "the hub's listing has more than %u bytes", LIMIT_JSON_CONFIG) : TRI_OK;
}

static tri_status fetch_listing(hub_job *j, tri_error *err)
{
    char path[URL_PATH_CAP], revision[URL_PATH_CAP / 2];
    buf text;
    hub_reply reply;
    TRI_TRY(escape(revision, sizeof revision, revision_of(j->o), false, err));
    snprintf(path, sizeof path, "/api/models/%s/revision/%s?blobs=true", j->name, revision);
    const hub_request ask = {.path = path, .begin = clear_text, .body = append_text, .ctx = &text};
    buf_init(&text, LIMIT_JSON_CONFIG);
    tri_status st = hub_retry_ask(j->c, &ask, &reply, err);
    if (!st) st = hub_listing_parse(text.data, text.len, &j->listing, err);
    buf_drop(&text);
    return st ? err_prefix(err, st, "could not list the files of %s (revision %s): ", j->name, revision_of(j->o)) : TRI_OK;
}

/* ---- the files ----------------------------------------------------------------------------------------------------- */

static tri_status url_of(const hub_job *j, const hub_file *f, char out[URL_PATH_CAP], tri_error *err)
{
    char escaped[URL_PATH_CAP / 2 + 512];
    TRI_TRY(escape(escaped, sizeof escaped, f->path, true, err));
    int n = snprintf(out, URL_PATH_CAP, "/%s/resolve/%s/%s", j->name, j->listing.commit, escaped);
    if (n < 0 || n >= URL_PATH_CAP) return err_set(err, TRI_ERR_LIMIT, "the address of \"%.64s...\" is too long", f->path);
    return TRI_OK;
}

/* Sizes and hashes of all wanted files, asked for one by one where the listing is silent (older hubs, plain mirrors). */
static tri_status learn_facts(hub_job *j, tri_error *err)
{
    char url[URL_PATH_CAP];
    for (size_t i = 0; i < j->listing.count; i++) {
        hub_file *f = &j->listing.files[i];
        if (!f->wanted || (f->bytes_known && f->hash[0])) continue;
        TRI_TRY(url_of(j, f, url, err));
        TRI_TRY(hub_fetch_facts(j->c, url, f, err));
        if (!f->bytes_known && !f->hash[0])
            return err_set(err, TRI_ERR_NETWORK,
                           "the hub tells neither size nor checksum of %s: a cut file could not be told from a whole one",
                           f->path);
        if (!f->hash[0]) log_say(&j->o->log, 1, "the hub tells no checksum of %s: only its size is verified", f->path);
    }
    return TRI_OK;
}

/* Hard-links the same file of the older folder, if there is one, into the working folder. */
static bool reuse_old(const stage *s, const hub_file *f, const char *path)
{
    char old[LIMIT_PATH];
    if (file_join(old, sizeof old, s->target, f->path) != TRI_OK || !hub_fetch_is_same(f, old)) return false;
    return file_remove(path, NULL) == TRI_OK && link(old, path) == 0;
}

static tri_status bring_file(hub_job *j, const stage *s, const hub_file *f, tri_error *err)
{
    char path[LIMIT_PATH], url[URL_PATH_CAP], identity[160];
    TRI_TRY(stage_path(s, f->path, path, err));
    if (hub_fetch_is_same(f, path) || reuse_old(s, f, path)) {
        j->meter.done += f->bytes;
        return TRI_OK;
    }
    TRI_TRY(url_of(j, f, url, err));
    snprintf(identity, sizeof identity, "%s", f->hash[0] ? f->hash : j->listing.commit);
    tri_status st = hub_fetch_file(j->c, url, f, identity, path, &j->meter, err);
    return st ? err_prefix(err, st, "could not fetch %s of %s: ", f->path, j->name) : TRI_OK;
}

/* In two passes: what is wrong with a model should show before its gigabytes come. */
static tri_status bring_files(hub_job *j, const stage *s, tri_error *err)
{
    static const uint64_t LARGE = 16u << 20; /* tokenizers of large vocabularies are near it; the order is a courtesy */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < j->listing.count; i++) {
            const hub_file *f = &j->listing.files[i];
            bool large = !f->bytes_known || f->bytes > LARGE;
            if (f->wanted && large == (pass == 1)) TRI_TRY(bring_file(j, s, f, err));
        }
    }
    return TRI_OK;
}

static tri_status sum_up(hub_job *j, const stage *s, tri_error *err)
{
    struct statvfs disk;
    uint64_t missing = 0;
    j->meter = (hub_meter){.fetched = j->meter.fetched};
    for (size_t i = 0; i < j->listing.count; i++) {
        const hub_file *f = &j->listing.files[i];
        char path[LIMIT_PATH], part[LIMIT_PATH + 8];
        uint64_t have = 0;
        if (!f->wanted || !f->bytes_known) continue;
        if (f->bytes > UINT64_MAX / 2 - missing)
            return err_set(err, TRI_ERR_FORMAT, "the listing's sizes add up to no possible number");
        TRI_TRY(stage_path(s, f->path, path, err));
        snprintf(part, sizeof part, "%s.part", path);
        if (file_exists(path))
            file_size(path, &have, NULL);
        else if (file_exists(part))
            file_size(part, &have, NULL);
        j->meter.total += f->bytes;
        missing += f->bytes > have ? f->bytes - have : 0;
    }
    if (statvfs(s->dir, &disk) != 0) return TRI_OK; /* then the disk itself will say */
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (missing == 0 || room >= missing + SPARE_DISK) return TRI_OK;
    err_set(err, TRI_ERR_IO, "%s needs %" PRIu64 " MB more on the disk of %s, which has %" PRIu64 " MB free", j->name,
            missing >> 20, s->dir, room >> 20);
    return err_hint(err, TRI_ERR_IO, "free some space, or name a folder on another disk with --to");
}

/* The shards are known only when the index has been read: it is fetched first. */
static tri_status select_shards(hub_job *j, const stage *s, const char *index, tri_error *err)
{
    char path[LIMIT_PATH];
    buf text;
    TRI_TRY(learn_facts(j, err));
    TRI_TRY(bring_file(j, s, hub_listing_find(&j->listing, index), err));
    TRI_TRY(stage_path(s, index, path, err));
    buf_init(&text, 0);
    tri_status st = file_read_all(path, LIMIT_JSON_CONFIG, &text, err);
    if (!st) st = hub_layout_select_shards(&j->listing, index, text.data, text.len, err);
    buf_drop(&text);
    return st;
}

static bool is_wanted(const void *ctx, const char *name)
{
    const hub_file *f = hub_listing_find(ctx, name);
    return f && f->wanted;
}

static tri_status record_files(const hub_job *j, const stage *s, pull_record *record, tri_error *err)
{
    char source[512];
    hub_pull_source(j->name, j->o, source, sizeof source);
    TRI_TRY(pull_record_new(j->name, source, j->listing.commit, record, err));
    for (size_t i = 0; i < j->listing.count; i++)
        if (j->listing.files[i].wanted) TRI_TRY(pull_record_add(record, s->dir, j->listing.files[i].path, err));
    return TRI_OK;
}

static tri_status run_job(hub_job *j, const stage *s, pull_record *record, tri_error *err)
{
    const char *index = NULL;
    TRI_TRY(fetch_listing(j, err));
    tri_status st = hub_layout_select(&j->listing, &index, err);
    if (st) return err_prefix(err, st, "could not pull %s: ", j->name);
    if (index) TRI_TRY(select_shards(j, s, index, err));
    TRI_TRY(learn_facts(j, err));
    TRI_TRY(sum_up(j, s, err));
    TRI_TRY(bring_files(j, s, err));
    TRI_TRY(stage_prune(s, is_wanted, &j->listing, err)); /* what an interrupted pull of another commit left */
    return record_files(j, s, record, err);
}

tri_status hub_pull_make(const char *name, const pull_options *o, const stage *s, pull_record *record, uint64_t *fetched,
                         tri_error *err)
{
    char endpoint[LIMIT_PATH];
    hub_job j = {.name = name, .o = o};
    TRI_TRY(open_client(o, endpoint, &j.c, err));
    tri_status st = run_job(&j, s, record, err);
    *fetched = j.meter.fetched;
    hub_listing_drop(&j.listing);
    hub_client_free(j.c);
    return st;
}

tri_status hub_pull_commit(const char *name, const pull_options *o, char commit[HUB_COMMIT_CAP], tri_error *err)
{
    char endpoint[LIMIT_PATH];
    hub_job j = {.name = name, .o = o};
    TRI_TRY(open_client(o, endpoint, &j.c, err));
    tri_status st = fetch_listing(&j, err);
    if (!st) snprintf(commit, HUB_COMMIT_CAP, "%s", j.listing.commit);
    hub_listing_drop(&j.listing);
    hub_client_free(j.c);
    return st;
}

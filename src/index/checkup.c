/* SPDX-License-Identifier: Apache-2.0 */
/* checkup.c — is every byte of an index what was written?
 *
 * Reads each file that the manifest names, whole and in order, and compares length and XXH3-64 with the manifest, whose own
 * checksum is inside it. Then maps the files as a reader would, so that files which are intact but do not fit together are
 * found as well. Goes on after a damaged file: the report names all of them. A commit meanwhile may take a file away that the
 * manifest named: then the check begins again with the newer one. */
#include "index/checkup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "index/manifest.h"
#include "index/ordinal_set.h"
#include "index/segment.h"

enum { READ_BYTES = 1 << 20 };

typedef struct checkup {
    const char *dir;
    tri_index_bad_fn bad;
    void *ctx;
    uint8_t *buffer;
    uint64_t generation; /* of the manifest that is compared with */
    bool outdated;       /* a commit took a file away meanwhile: begin again */
    size_t n_bad;
    char first_bad[64];
} checkup;

static void report(checkup *c, const char *file, const char *why)
{
    if (c->n_bad++ == 0) snprintf(c->first_bad, sizeof c->first_bad, "%s", file);
    if (c->bad) c->bad(c->ctx, file, why);
}

static tri_status hash_file(checkup *c, const char *path, file_record *out, tri_error *err)
{
    in_file *f = NULL;
    hash64_stream *h = hash64_new();
    if (!h) return err_memory(err, 576); /* the state of XXH3 */
    tri_status st = in_file_open(path, &f, err);
    size_t n = 1;
    out->bytes = 0;
    while (st == TRI_OK && n > 0) {
        st = in_file_read(f, c->buffer, READ_BYTES, &n, err);
        if (st != TRI_OK || n == 0) break;
        hash64_update(h, c->buffer, n);
        out->bytes += n;
    }
    out->xxh3 = hash64_digest(h);
    hash64_free(h);
    in_file_close(f);
    return st;
}

static bool is_outdated(const checkup *c)
{
    manifest now;
    if (manifest_load(c->dir, &now, NULL) != TRI_OK) return false;
    bool newer = now.generation != c->generation;
    manifest_drop(&now);
    return newer;
}

/* Only a lack of memory ends the checkup. */
static tri_status check_file(checkup *c, uint32_t id, index_kind kind, const file_record *expected, tri_error *err)
{
    char name[32], path[LIMIT_PATH], why[128];
    tri_error cause = {0};
    file_record found = {0};
    segment_file_name(name, id, kind);
    if (file_join(path, sizeof path, c->dir, name) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    tri_status st = hash_file(c, path, &found, &cause);
    if (st == TRI_ERR_MEMORY) {
        if (err) *err = cause;
        return st;
    }
    if (st == TRI_ERR_NOT_FOUND && is_outdated(c)) {
        c->outdated = true;
    } else if (st != TRI_OK) {
        report(c, name, st == TRI_ERR_NOT_FOUND ? "the file is missing" : cause.text);
    } else if (found.bytes != expected->bytes) {
        snprintf(why, sizeof why, "%" PRIu64 " bytes, %" PRIu64 " were written", found.bytes, expected->bytes);
        report(c, name, why);
    } else if (found.xxh3 != expected->xxh3) {
        snprintf(why, sizeof why, "checksum %016" PRIx64 ", written as %016" PRIx64, found.xxh3, expected->xxh3);
        report(c, name, why);
    }
    return TRI_OK;
}

static tri_status check_files(checkup *c, const manifest *m, tri_error *err)
{
    for (size_t i = 0; i < m->n_segments; i++)
        for (int kind = 1; kind < INDEX_KINDS; kind++)
            if (manifest_wants(m, (index_kind)kind) && !c->outdated)
                TRI_TRY(check_file(c, m->segments[i].id, (index_kind)kind, &m->segments[i].files[kind], err));
    return m->dead_id && !c->outdated ? check_file(c, m->dead_id, INDEX_DEAD, &m->dead, err) : TRI_OK;
}

/* Every checksum is right: do the files fit together? */
static tri_status check_structure(checkup *c, const manifest *m, tri_error *err)
{
    char name[32], path[LIMIT_PATH];
    tri_error cause = {0};
    tri_status st = TRI_OK;
    uint64_t first = 0;
    for (size_t i = 0; i < m->n_segments && st != TRI_ERR_MEMORY; i++) {
        segment s;
        st = segment_open(c->dir, m, &m->segments[i], first, &s, &cause);
        if (st == TRI_OK) segment_close(&s);
        snprintf(name, sizeof name, "%08" PRIu32 ".*", m->segments[i].id);
        if (st != TRI_OK && st != TRI_ERR_MEMORY) report(c, name, cause.text);
        first += m->segments[i].docs;
    }
    if (m->dead_id && st != TRI_ERR_MEMORY) {
        ordinal_set dead;
        segment_file_name(name, m->dead_id, INDEX_DEAD);
        if (file_join(path, sizeof path, c->dir, name) != TRI_OK)
            return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
        st = ordinal_set_load(&dead, path, m->docs, m->deleted, &cause);
        if (st == TRI_OK) ordinal_set_drop(&dead);
        if (st != TRI_OK && st != TRI_ERR_MEMORY) report(c, name, cause.text);
    }
    if (st != TRI_ERR_MEMORY) return TRI_OK;
    if (err) *err = cause;
    return st;
}

static tri_status check_state(checkup *c, tri_error *err)
{
    manifest m;
    tri_error cause = {0};
    tri_status st = manifest_load(c->dir, &m, &cause);
    if (st != TRI_OK) {
        if (st == TRI_ERR_FORMAT) report(c, INDEX_MANIFEST, cause.text);
        if (err) *err = cause;
        return st;
    }
    c->generation = m.generation;
    c->outdated = false;
    st = check_files(c, &m, err);
    if (st == TRI_OK && c->n_bad == 0 && !c->outdated) st = check_structure(c, &m, err);
    manifest_drop(&m);
    return st;
}

tri_status checkup_run(const char *dir, tri_index_bad_fn bad, void *ctx, tri_error *err)
{
    checkup c = {.dir = dir, .bad = bad, .ctx = ctx};
    c.buffer = mem_alloc(READ_BYTES);
    if (!c.buffer) return err_memory(err, READ_BYTES);
    tri_status st = check_state(&c, err);
    while (st == TRI_OK && c.outdated) st = check_state(&c, err);
    mem_free(c.buffer);
    if (st == TRI_OK && c.n_bad)
        st = err_set(err, TRI_ERR_FORMAT, "index %s is damaged: %zu bad file%s, the first is %s", dir, c.n_bad,
                     c.n_bad == 1 ? "" : "s", c.first_bad);
    return st;
}

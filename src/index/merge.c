/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c — when do small segments become one, and how?
 *
 * A build that commits every few seconds would end with thousands of segments, each eight mapped files; the system's limit of
 * mappings (65,530 on Linux) would then keep anybody from opening it. So segments are counted like digits to base MERGE_WIDTH:
 * a segment's level is the power of its size, and when MERGE_WIDTH of one level stand at the end (smaller ones between them do
 * not count), all from the first of them on become one. Those of the highest level are left alone: a byte is copied at most
 * once for each level, and what cannot be merged any more is large enough to be few.
 *
 * Merging joins bytes: vectors, pairs, texts and keys are copied as they lie, only offsets and the order of keys are new, and
 * postings are turned round again. Documents keep their order, so ordinals, the set of the deleted and every score stay what
 * they were. Deleted documents are carried along. Each source is compared with its checksum first: a merge must not give
 * damaged bytes a fresh one. */
#include "index/merge.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/limits.h"
#include "index/postings.h"

enum { MERGE_WIDTH = 16, LEVELS = 3 };
/* Bytes below which a segment is of level 0, 1, 2: factors of MERGE_WIDTH, so that a merge lifts by about one level. From 64
 * MiB on 8,000 segments, all that can be mapped, hold half a terabyte at least. */
static const uint64_t level_bytes[LEVELS] = {128u << 10, 2u << 20, 32u << 20};

/* ---- when ------------------------------------------------------------------------------------------------------- */

static int level_of(const manifest_segment *s)
{
    uint64_t bytes = 0;
    int level = 0;
    for (int kind = 1; kind < INDEX_KINDS; kind++) bytes += s->files[kind].bytes;
    while (level < LEVELS && bytes >= level_bytes[level]) level++;
    return level;
}

size_t merge_plan(const manifest_segment *records, size_t n)
{
    for (int level = 0; level < LEVELS; level++) {
        size_t count = 0, first = n;
        for (size_t i = n; i-- > 0 && level_of(&records[i]) <= level;) {
            if (level_of(&records[i]) < level) continue;
            first = i;
            count++;
        }
        if (count >= MERGE_WIDTH) return first;
    }
    return n;
}

/* ---- how -------------------------------------------------------------------------------------------------------- */

typedef struct merge {
    const char *dir;
    const manifest *m;
    const segment *segments;
    const manifest_segment *records;
    size_t n;
    manifest_segment out;
} merge;

static tri_status name_file(const merge *g, index_kind kind, char out[LIMIT_PATH], tri_error *err)
{
    char name[32];
    segment_file_name(name, g->out.id, kind);
    if (file_join(out, LIMIT_PATH, g->dir, name) == TRI_OK) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
}

static tri_status verify(const merge *g, tri_error *err)
{
    for (size_t i = 0; i < g->n; i++)
        for (int kind = 1; kind < INDEX_KINDS; kind++) {
            const mapped_file *map = &g->segments[i].files[kind].map;
            if (!map->data || hash64(map->data, map->len) == g->records[i].files[kind].xxh3) continue;
            err_set(err, TRI_ERR_FORMAT,
                    "damaged index file %08" PRIu32 ".%s in %s: its checksum is not the one it was written with",
                    g->segments[i].id, segment_file_kind_name((index_kind)kind), g->dir);
            return err_hint(err, TRI_ERR_FORMAT, "trident index --check lists every damaged file; build the index again");
        }
    return TRI_OK;
}

static tri_status join_data(const merge *g, index_kind kind, segment_file_writer *w, tri_error *err)
{
    for (size_t i = 0; i < g->n; i++) {
        const segment_file *f = &g->segments[i].files[kind];
        if (!f->offsets) {
            TRI_TRY(segment_file_writer_data(w, f->data, (size_t)f->data_bytes, err));
            continue;
        }
        for (uint64_t doc = 0; doc < f->n; doc++) {
            TRI_TRY(segment_file_writer_mark(w, err));
            TRI_TRY(segment_file_writer_data(w, f->data + f->offsets[doc] * w->unit,
                                             (size_t)(f->offsets[doc + 1] - f->offsets[doc]) * w->unit, err));
        }
    }
    return TRI_OK;
}

/* The order of all keys from the orders of each segment: the least of the heads, the earlier segment of equals. */
static tri_status order_keys(const merge *g, uint32_t *order, tri_error *err)
{
    size_t n_done = 0, bytes;
    uint32_t *heads = mem_calloc(g->n, sizeof *heads);
    if (!heads) return err_memory(err, mul_size(g->n, sizeof *heads, &bytes) ? bytes : SIZE_MAX);
    while (n_done < g->out.docs) {
        size_t best = g->n;
        tri_text best_key = {NULL, 0};
        for (size_t i = 0; i < g->n; i++) {
            const segment *s = &g->segments[i];
            if (heads[i] >= s->n_docs) continue;
            tri_text key = segment_key_in_order(s, heads[i]);
            if (best < g->n && segment_compare_keys(key, best_key) >= 0) continue;
            best = i;
            best_key = key;
        }
        const segment *s = &g->segments[best];
        order[n_done++] = (uint32_t)(s->first - g->segments[0].first) + s->files[INDEX_KEYS].ids[heads[best]++];
    }
    mem_free(heads);
    return TRI_OK;
}

static tri_status join_file(merge *g, index_kind kind, const uint32_t *order, tri_error *err)
{
    char path[LIMIT_PATH];
    segment_file_writer w;
    const segment_file *like = &g->segments[0].files[kind];
    uint64_t n = kind == INDEX_TOKENS || kind == INDEX_SCALES ? g->out.rows : g->out.docs;
    TRI_TRY(name_file(g, kind, path, err));
    TRI_TRY(segment_file_writer_begin(&w, path, kind, (int)like->element, like->columns, err));
    tri_status st = join_data(g, kind, &w, err);
    if (st == TRI_OK) return segment_file_writer_finish(&w, n, kind == INDEX_KEYS ? order : NULL, &g->out.files[kind], err);
    segment_file_writer_drop(&w);
    return st;
}

static tri_status join_keys(merge *g, tri_error *err)
{
    uint32_t *order = mem_array((size_t)g->out.docs, sizeof *order);
    if (!order) return err_memory(err, (size_t)g->out.docs * sizeof *order);
    tri_status st = order_keys(g, order, err);
    if (st == TRI_OK) st = join_file(g, INDEX_KEYS, order, err);
    mem_free(order);
    return st;
}

static tri_status turn_postings(merge *g, tri_error *err)
{
    char forward[LIMIT_PATH], path[LIMIT_PATH];
    uint32_t end_id = 0;
    for (size_t i = 0; i < g->n; i++) {
        const segment_file *f = &g->segments[i].files[INDEX_POSTINGS];
        if (f->n && f->ids[f->n - 1] >= end_id) end_id = f->ids[f->n - 1] + 1;
    }
    TRI_TRY(name_file(g, INDEX_FORWARD, forward, err));
    TRI_TRY(name_file(g, INDEX_POSTINGS, path, err));
    return postings_write(forward, path, end_id, &g->out.files[INDEX_POSTINGS], err);
}

tri_status merge_run(const char *dir, const manifest *m, const segment *segments, const manifest_segment *records, size_t n,
                     uint32_t id, manifest_segment *out, tri_error *err)
{
    merge g = {dir, m, segments, records, n, {.id = id}};
    TRI_TRY(verify(&g, err));
    for (size_t i = 0; i < n; i++) {
        g.out.docs += records[i].docs;
        g.out.rows += records[i].rows;
        g.out.postings += records[i].postings;
    }
    TRI_TRY(join_keys(&g, err));
    for (int kind = 1; kind < INDEX_KINDS; kind++)
        if (kind != INDEX_KEYS && kind != INDEX_POSTINGS && manifest_wants(m, (index_kind)kind))
            TRI_TRY(join_file(&g, (index_kind)kind, NULL, err));
    if (m->want & TRI_SPARSE) TRI_TRY(turn_postings(&g, err));
    *out = g.out;
    return TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* postings.c — how do documents' token lists become tokens' document lists?
 *
 * A counting sort in two passes over the mapped forward file: count each id, turn the counts into places, put each pair where
 * it belongs. Linear, stable (so the documents of a term ascend), the same bytes for the same documents. It holds one pair
 * (8 bytes) a posting and 8 bytes for each id below end_id; collection.c bounds the postings of a segment. */
#include "index/postings.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/err.h"
#include "index/format.h"

typedef struct turner {
    segment_file forward;
    uint64_t *place;   /* [end_id]: first the count of an id, then where its next pair goes */
    index_pair *pairs; /* [items] by token id, then document */
    uint32_t *ids;     /* [n_terms] */
    uint64_t n_terms;
} turner;

static tri_status count_ids(turner *t, uint32_t end_id, tri_error *err)
{
    const index_pair *in = (const index_pair *)(const void *)t->forward.data;
    t->place = mem_calloc((size_t)end_id + 1, sizeof *t->place);
    if (!t->place) return err_memory(err, ((size_t)end_id + 1) * sizeof *t->place);
    for (uint64_t i = 0; i < t->forward.items; i++) {
        if (in[i].id >= end_id)
            return err_set(err, TRI_ERR_FORMAT, "forward file holds token id %" PRIu32 ", all were below %" PRIu32, in[i].id,
                           end_id);
        if (t->place[in[i].id]++ == 0) t->n_terms++;
    }
    return TRI_OK;
}

static tri_status place_pairs(turner *t, uint32_t end_id, tri_error *err)
{
    const index_pair *in = (const index_pair *)(const void *)t->forward.data;
    uint64_t at = 0, term = 0;
    t->pairs = mem_array((size_t)t->forward.items, sizeof *t->pairs);
    t->ids = mem_array((size_t)t->n_terms, sizeof *t->ids);
    if (!t->pairs || !t->ids) return err_memory(err, (size_t)t->forward.items * sizeof *t->pairs);
    for (uint32_t id = 0; id < end_id; id++) {
        uint64_t count = t->place[id];
        t->place[id] = at;
        at += count;
        if (count) t->ids[term++] = id;
    }
    for (uint64_t doc = 0; doc < t->forward.n; doc++)
        for (uint64_t i = t->forward.offsets[doc]; i < t->forward.offsets[doc + 1]; i++)
            t->pairs[t->place[in[i].id]++] = (index_pair){(uint32_t)doc, in[i].weight};
    return TRI_OK;
}

/* place[id] is now the end of id's pairs. */
static tri_status write_terms(const turner *t, segment_file_writer *w, tri_error *err)
{
    uint64_t at = 0;
    for (uint64_t term = 0; term < t->n_terms; term++) {
        uint64_t end = t->place[t->ids[term]];
        TRI_TRY(segment_file_writer_mark(w, err));
        TRI_TRY(segment_file_writer_data(w, t->pairs + at, (size_t)(end - at) * sizeof *t->pairs, err));
        at = end;
    }
    return TRI_OK;
}

static tri_status write_file(const turner *t, const char *path, file_record *out, tri_error *err)
{
    segment_file_writer w;
    TRI_TRY(segment_file_writer_begin(&w, path, INDEX_POSTINGS, 0, 0, err));
    tri_status st = write_terms(t, &w, err);
    if (st == TRI_OK) return segment_file_writer_finish(&w, t->n_terms, t->ids, out, err);
    segment_file_writer_drop(&w);
    return st;
}

tri_status postings_write(const char *forward_path, const char *path, uint32_t end_id, file_record *out, tri_error *err)
{
    turner t = {0};
    TRI_TRY(segment_file_open(forward_path, INDEX_FORWARD, &t.forward, err));
    tri_status st = count_ids(&t, end_id, err);
    if (st == TRI_OK) st = place_pairs(&t, end_id, err);
    if (st == TRI_OK) st = write_file(&t, path, out, err);
    mem_free(t.place);
    mem_free(t.pairs);
    mem_free(t.ids);
    segment_file_close(&t.forward);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ordinal_set.c — which documents are deleted?
 *
 * A deleted document keeps its ordinal and its bytes; every reader of a segment asks this set before it shows a document. The
 * file is written anew at each commit that deletes (4 bytes a deleted document), never changed: a reader that opened the state
 * before keeps what it read. */
#include "index/ordinal_set.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

void ordinal_set_drop(ordinal_set *s)
{
    mem_free(s->words);
    memset(s, 0, sizeof *s);
}

tri_status ordinal_set_reserve(ordinal_set *s, uint64_t end, tri_error *err)
{
    size_t n = (size_t)((end + 63) / 64);
    if (n <= s->n_words) return TRI_OK;
    uint64_t *words = mem_realloc(s->words, n * sizeof *words);
    if (!words) return err_memory(err, n * sizeof *words);
    memset(words + s->n_words, 0, (n - s->n_words) * sizeof *words);
    s->words = words;
    s->n_words = n;
    return TRI_OK;
}

void ordinal_set_add(ordinal_set *s, uint64_t ordinal)
{
    if (ordinal_set_has(s, ordinal)) return;
    s->words[ordinal / 64] |= (uint64_t)1 << (ordinal % 64);
    s->count++;
}

tri_status ordinal_set_copy(ordinal_set *out, const ordinal_set *from, tri_error *err)
{
    ordinal_set s = {0};
    if (from->n_words) {
        TRI_TRY(ordinal_set_reserve(&s, (uint64_t)from->n_words * 64, err));
        memcpy(s.words, from->words, from->n_words * sizeof *s.words);
    }
    s.count = from->count;
    *out = s;
    return TRI_OK;
}

tri_status ordinal_set_save(const ordinal_set *s, const char *path, file_record *out, tri_error *err)
{
    segment_file_writer w;
    TRI_TRY(segment_file_writer_begin(&w, path, INDEX_DEAD, 0, 0, err));
    for (uint64_t i = 0; i < (uint64_t)s->n_words * 64; i++) {
        if (!ordinal_set_has(s, i)) continue;
        uint32_t ordinal = (uint32_t)i;
        tri_status st = segment_file_writer_data(&w, &ordinal, sizeof ordinal, err);
        if (st != TRI_OK) {
            segment_file_writer_drop(&w);
            return st;
        }
    }
    return segment_file_writer_finish(&w, s->count, NULL, out, err);
}

static tri_status take_ordinals(ordinal_set *s, const segment_file *f, const char *path, uint64_t end, tri_error *err)
{
    const uint32_t *ordinals = (const uint32_t *)(const void *)f->data;
    uint64_t least = 0;
    TRI_TRY(ordinal_set_reserve(s, end, err));
    for (uint64_t i = 0; i < f->n; i++) {
        if (ordinals[i] < least || ordinals[i] >= end)
            return err_set(err, TRI_ERR_FORMAT, "damaged index file %s: ordinal %" PRIu32 " is not in %" PRIu64 "..%" PRIu64,
                           path, ordinals[i], least, end);
        ordinal_set_add(s, ordinals[i]);
        least = (uint64_t)ordinals[i] + 1;
    }
    return TRI_OK;
}

tri_status ordinal_set_load(ordinal_set *out, const char *path, uint64_t end, uint64_t count, tri_error *err)
{
    segment_file f;
    ordinal_set s = {0};
    TRI_TRY(segment_file_open(path, INDEX_DEAD, &f, err));
    tri_status st = f.n == count
                        ? take_ordinals(&s, &f, path, end, err)
                        : err_set(err, TRI_ERR_FORMAT,
                                  "damaged index file %s: %" PRIu64 " ordinals, the manifest says %" PRIu64, path, f.n, count);
    segment_file_close(&f);
    if (st != TRI_OK) {
        ordinal_set_drop(&s);
        return st;
    }
    *out = s;
    return TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* vocab.c — strings in one arena, entries in the file's order, the way back from an id, and the piece table over the strings,
 * made at vocab_close when their number is known. */
#include "tokenizer/vocab.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "tokenizer/list_grow.h"

void vocab_init(vocab *v, bool scored)
{
    memset(v, 0, sizeof *v);
    arena_init(&v->strings, 0);
    v->scored = scored;
}

void vocab_drop(vocab *v)
{
    piece_table_drop(&v->table);
    arena_drop(&v->strings);
    mem_free(v->entries);
    mem_free(v->scores);
    mem_free(v->by_id);
    memset(v, 0, sizeof *v);
}

tri_status vocab_expect(vocab *v, size_t count, tri_error *err)
{
    if (count <= v->cap) return TRI_OK;
    size_t cap = v->cap, score_cap = v->cap;
    void *entries = list_grow(v->entries, &cap, count, sizeof *v->entries);
    if (!entries) return err_memory(err, count * sizeof *v->entries);
    v->entries = entries;
    if (v->scored) {
        void *scores = list_grow(v->scores, &score_cap, count, sizeof *v->scores);
        if (!scores) return err_memory(err, count * sizeof *v->scores);
        v->scores = scores;
    }
    v->cap = cap;
    return TRI_OK;
}

tri_status vocab_renumber_last(vocab *v, uint32_t id, tri_error *err)
{
    if (id >= LIMIT_VOCAB) return err_set(err, TRI_ERR_LIMIT, "token id %u is not below the limit of %u", id, LIMIT_VOCAB);
    v->entries[v->n - 1].id = id;
    if (id >= v->n_ids) v->n_ids = (size_t)id + 1;
    return TRI_OK;
}

tri_status vocab_add(vocab *v, uint32_t id, const void *piece, size_t len, double score, tri_error *err)
{
    if (id >= LIMIT_VOCAB || v->n >= LIMIT_VOCAB)
        return err_set(err, TRI_ERR_LIMIT, "token id %u is not below the limit of %u", id, LIMIT_VOCAB);
    if (v->n == v->cap) TRI_TRY(vocab_expect(v, v->n + 1, err));
    uint8_t *copy = arena_aligned(&v->strings, len + 1, 1);
    if (!copy) return err_memory(err, len);
    memcpy(copy, piece, len);
    copy[len] = 0;
    v->n_bytes += len;
    v->entries[v->n] = (vocab_entry){copy, (uint32_t)len, id};
    if (v->scored) v->scores[v->n] = score;
    v->n++;
    if (id >= v->n_ids) v->n_ids = (size_t)id + 1;
    return TRI_OK;
}

/* Hashes run AHEAD pieces before the inserts, so that each slot is in the cache when its turn comes: the table is far larger
 * than the cache, and its slots are visited at random. */
static void fill_table(vocab *v)
{
    enum { AHEAD = 16 }; /* more gains nothing: loads in flight are limited to about that many */
    uint64_t hashes[AHEAD];
    for (size_t i = 0; i < v->n + AHEAD; i++) {
        const vocab_entry *e = i >= AHEAD ? &v->entries[i - AHEAD] : NULL;
        if (e && e->len)
            piece_table_insert(&v->table, hashes[i % AHEAD], e->piece, e->len, e->id, v->scored ? v->scores[i - AHEAD] : 0);
        if (i < v->n && v->entries[i].len)
            hashes[i % AHEAD] = piece_table_note(&v->table, v->entries[i].piece, v->entries[i].len);
    }
}

tri_status vocab_close(vocab *v, uint64_t seed, tri_error *err)
{
    v->by_id = mem_calloc(v->n_ids ? v->n_ids : 1, sizeof *v->by_id);
    if (!v->by_id) return err_memory(err, v->n_ids * sizeof *v->by_id);
    TRI_TRY(piece_table_init(&v->table, v->n, v->n_bytes, seed, err));
    for (size_t i = 0; i < v->n; i++) v->by_id[v->entries[i].id] = (uint32_t)i + 1;
    fill_table(v);
    return TRI_OK;
}

bool vocab_find(const vocab *v, const void *piece, size_t len, uint32_t *id)
{
    return piece_table_find(&v->table, piece, len, id);
}

const vocab_entry *vocab_at(const vocab *v, uint32_t id)
{
    return id < v->n_ids && v->by_id[id] ? &v->entries[v->by_id[id] - 1] : NULL;
}

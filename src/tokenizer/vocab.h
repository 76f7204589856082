/* SPDX-License-Identifier: Apache-2.0 */
/* vocab.h — the model's strings and their ids, both ways. Filled while a file is read, then closed and only read. */
#ifndef TRI_TOKENIZER_VOCAB_H
#define TRI_TOKENIZER_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/arena.h"
#include "tokenizer/piece_table.h"

typedef struct vocab_entry {
    const uint8_t *piece;
    uint32_t len, id;
} vocab_entry;

typedef struct vocab {
    arena strings;
    vocab_entry *entries; /* in the file's order */
    double *scores;       /* beside entries; NULL without scores */
    size_t n, cap;
    size_t n_bytes;  /* of all strings */
    uint32_t *by_id; /* place in entries + 1; 0 = no such id. After vocab_close */
    size_t n_ids;    /* highest id + 1 */
    piece_table table;
    bool scored;
} vocab;

void vocab_init(vocab *v, bool scored);
void vocab_drop(vocab *v);
/* Room for `count` entries, so that filling allocates once. */
tri_status vocab_expect(vocab *v, size_t count, tri_error *err);
/* The string is copied; valid UTF-8. Ids and the number of entries are under LIMIT_VOCAB. */
tri_status vocab_add(vocab *v, uint32_t id, const void *piece, size_t len, double score, tri_error *err);
/* Gives the last added entry another id. */
tri_status vocab_renumber_last(vocab *v, uint32_t id, tri_error *err);
/* Of equal strings the last one's id wins, of equal ids the last string, as in the reference's maps. */
tri_status vocab_close(vocab *v, uint64_t seed, tri_error *err);
bool vocab_find(const vocab *v, const void *piece, size_t len, uint32_t *id);
/* NULL for an id without a string */
const vocab_entry *vocab_at(const vocab *v, uint32_t id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* text_batch.h — texts to token ids, token ids to packed batches. */
#ifndef TRI_MODEL_TEXT_BATCH_H
#define TRI_MODEL_TEXT_BATCH_H

#include "model/session.h"
#include "trident/embed.h"

/* One input as tokens; pointers are borrowed from the caller (ids given) or from a worker's arena, until the call ends. */
typedef struct text_tokens {
    const uint32_t *ids;
    const uint8_t *types; /* NULL = all 0 */
    size_t n;
    bool truncated;
    size_t bad_bytes;
} text_tokens;

/* Tokenises every input (in parallel; the error of the lowest failing input is the one told) and checks ids and lengths. `out`
 * [count] lives in the session's scratch. */
tri_status text_batch_tokenize(session *s, const tri_embed_options *o, const tri_input *inputs, size_t count, text_tokens **out,
                               tri_error *err);

/* Are there as many ids as the model can take, and is each in its tables? */
tri_status text_batch_check_ids(const session *s, const tri_input *in, tri_error *err);

/* Input numbers, longest first (equal lengths: in input order), in the session's scratch. */
tri_status text_batch_sort(session *s, const text_tokens *texts, size_t count, uint64_t **order, tri_error *err);

/* Fills s->b with texts order[from..] as long as they fit, and returns how many (at least 1). `rows` says which rows
 * of each text the encoder is to finish. */
typedef enum { WANT_ALL_ROWS, WANT_FIRST_ROWS, WANT_LAST_ROWS } rows_wanted;
size_t text_batch_pack(session *s, const text_tokens *texts, const uint64_t *order, size_t from, size_t count,
                       rows_wanted rows);

#endif

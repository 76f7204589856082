/* SPDX-License-Identifier: Apache-2.0 */
/* known_ids.h — the ids of a query file or of a corpus, in order, for asking which there are.
 *
 * JSONL, or a .json that is an array of such objects ("_id" or "id", else the first key that names one; "title"; "text", else
 * the first key that names a text), a .json object of texts by id, .tsv and .csv (the columns that a header names so, else the
 * first two; in .tsv a quote is text unless it encloses a field), any other file a text a line. A missing id is the line's
 * number from 0, as the other commands have it. An id that is there twice is refused. */
#ifndef TRI_LAB_KNOWN_IDS_H
#define TRI_LAB_KNOWN_IDS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/strmap.h"
#include "trident/types.h"

typedef struct known_ids {
    strmap places, text_places; /* id, text to place; of texts that are there twice, the first */
    arena memory;
    tri_text *ids, *texts; /* [n]; texts NULL unless kept */
    size_t n, cap;
    bool keep_texts;
} known_ids;

void known_ids_init(known_ids *k, bool keep_texts);
tri_status known_ids_load(known_ids *k, const char *path, tri_error *err);
/* *place = where it lies; *added false when it was there. */
tri_status known_ids_add(known_ids *k, tri_text id, tri_text text, uint32_t *place, bool *added, tri_error *err);
bool known_ids_find(const known_ids *k, tri_text id, uint32_t *place);
bool known_ids_find_text(const known_ids *k, tri_text text, uint32_t *place);
void known_ids_drop(known_ids *k);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* submission_count.c — see submission_count.h. Organisers' samples are of two kinds: an example with a query or two and
 * made-up documents, and a whole file with every query, as deep as is asked for. */
#include "lab/submission_count.h"

enum { WHOLE_QUERIES = 3, WHOLE_DOCS = 5 };

bool submission_count_uniform(const submission_format *f)
{
    return f->n_queries > 1 && f->list_max > 0 && f->list_min == f->list_max;
}

bool submission_count_whole(const submission_sample *sample, const known_ids *queries)
{
    const submission_format *f = &sample->format;
    uint32_t place;
    if (!submission_count_uniform(f) || f->n_queries < WHOLE_QUERIES || f->list_min < WHOLE_DOCS) return false;
    if (!queries) return true;
    if (queries->n != f->n_queries) return false;
    for (size_t i = 0; i < f->n_queries; i++) {
        tri_text id = sample->queries.ids[i];
        if (!(f->query_by_text ? known_ids_find_text(queries, id, &place) : known_ids_find(queries, id, &place))) return false;
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* demo_figures.h — nDCG@10, Recall@100 and MRR for every pair of a question's language and a document's, four ways. */
#ifndef TRI_CLI_DEMO_FIGURES_H
#define TRI_CLI_DEMO_FIGURES_H

#include "cli/demo_view.h"
#include "cli/record.h"
#include "trident/embed.h"
#include "trident/eval.h"
#include "trident/search.h"

enum { DEMO_LANGUAGE_CAP = 16 };

/* One language's questions, encoded. */
typedef struct demo_language {
    char name[DEMO_LANGUAGE_CAP];
    record_reader reader; /* reader.records[0..reader.n) are the questions */
    bool open;
    tri_embeddings *embeddings;
} demo_language;

tri_status demo_figures_head(const view *v);
/* The rows of one language's questions against each language's documents. hits: one answer a question, over every document
 * (ways_search). Writes runs_dir/FROM-TO.WAY.trec and measures those files. */
tri_status demo_figures_rows(const view *v, const tri_qrels *qrels, const char *runs_dir, const demo_language *from,
                             const demo_language *languages, size_t n_languages, const tri_hits *hits, tri_error *err);

#endif

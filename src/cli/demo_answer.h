/* SPDX-License-Identifier: Apache-2.0 */
/* demo_answer.h — one question answered four ways, side by side, with the tokens that matched. */
#ifndef TRI_CLI_DEMO_ANSWER_H
#define TRI_CLI_DEMO_ANSWER_H

#include "cli/demo_view.h"
#include "trident/embed.h"
#include "trident/search.h"

typedef struct demo_source {
    const tri_index *index;
    const tri_tokenizer *tokenizer; /* for the pieces of matching tokens */
    const char *qrels_path;         /* BEIR form; judges ids without a language */
    int threads;
    size_t top; /* hits of each column */
} demo_source;

typedef struct demo_question {
    const char *label; /* its language */
    tri_text text, id; /* id {NULL, 0}: nobody judged it */
    tri_query query;
    const uint32_t *ids;    /* [n_ids] its tokens as encoded */
    size_t n_ids, n_before; /* n_before: tokens before the text begins: the first special and the prompt's */
} demo_question;

tri_status demo_answer_show(const view *v, const demo_source *source, const demo_question *question, tri_error *err);

#endif

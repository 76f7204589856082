/* SPDX-License-Identifier: Apache-2.0 */
/* rerank_watch.c — counts while scores go by, and notes at the end.
 *
 * "All scores close to 0.5" is how competitors meet two mistakes: a sigmoid over scores that were sigmoids already (which gives
 * 0.5 to 0.731), and inputs in the wrong shape. Here the shape cannot be wrong, so what is left are weights without a trained
 * head, and logits that an earlier step has put through a sigmoid. */
#include "cli/rerank_watch.h"

#include <inttypes.h>

enum { FEW = 8 }; /* pairs that may lie close together by chance */

void rerank_watch_add(rerank_watch *w, const tri_pair_score *s)
{
    if (!w->n || s->score < w->least) w->least = s->score;
    if (!w->n || s->score > w->greatest) w->greatest = s->score;
    w->n++;
    w->n_query_cut += s->query_cut > 0;
    w->n_passage_cut += s->passage_cut > 0;
    w->bad_bytes += s->bad_bytes;
}

static void report_flat(const rerank_watch *w, cli *c)
{
    if (w->n < FEW) return;
    if (w->least > 0.45f && w->greatest < 0.55f)
        cli_note(c,
                 "all %" PRIu64
                 " scores lie near 0.5 (%.3f to %.3f): the model does not tell these passages apart; its classification "
                 "head may be untrained, or query and passage may stand in the wrong fields",
                 w->n, (double)w->least, (double)w->greatest);
    else if (w->least >= 0.5f && w->greatest <= 0.7311f)
        cli_note(c,
                 "all %" PRIu64
                 " scores lie in 0.5..0.731, where a sigmoid over sigmoids lies: the model's logits seem to be scores "
                 "already; try --activation none",
                 w->n);
}

void rerank_watch_report(const rerank_watch *w, cli *c, size_t max_length, bool sigmoid)
{
    if (w->n_query_cut || w->n_passage_cut)
        cli_note(c, "of %" PRIu64 " pairs %" PRIu64 " had the query cut and %" PRIu64 " the passage, to %zu tokens together",
                 w->n, w->n_query_cut, w->n_passage_cut, max_length);
    if (sigmoid) report_flat(w, c);
}

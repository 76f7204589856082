/* SPDX-License-Identifier: Apache-2.0 */
/* bench_shapes.h — what `trident bench` encodes: texts as token ids, and the operations that they cost.
 *
 *   TEXTSxTOKENS    that many texts of that many tokens, specials counted; ids drawn uniformly from the vocabulary with a fixed
 *                   seed, so that embedding rows come from memory and not from a warm cache line
 *   mixed           32 texts in one call, 16 as long as questions (8 to 23 tokens) and 16 as long as paragraphs (32, 64 ...
 * 512), in a shuffled order; bench/bench_st.py draws the same lengths for the other side corpus:FILE     the texts of a file
 * (record.h) in one call, in their order, tokenised here and not while timing */
#ifndef TRI_CLI_BENCH_SHAPES_H
#define TRI_CLI_BENCH_SHAPES_H

#include "base/arena.h"
#include "cli/cli.h"

enum { BENCH_SHAPES_MAX = 32, BENCH_QUANTILES = 6 };

typedef struct bench_shape {
    char name[64];      /* as given; of a corpus the file's name without its folders */
    const char *corpus; /* its path; NULL = drawn */
    tri_input *inputs;  /* [n_texts]; only n_ids until bench_shapes_fill */
    size_t n_texts, cap, n_tokens, longest;
} bench_shape;

typedef struct bench_shapes {
    bench_shape list[BENCH_SHAPES_MAX];
    size_t n;
    bool by_default; /* what the model cannot take is left out instead of refused */
    arena memory;    /* ids, paths */
} bench_shapes;

/* `words`: shapes with commas between; NULL = the usual ones. */
tri_status bench_shapes_parse(const char *words, bench_shapes *out, tri_error *err);
/* Draws and reads the ids. A text longer than the model takes: one of a corpus is cut, a shape is an error. */
tri_status bench_shapes_fill(bench_shapes *s, cli *c, const setup_model *m, tri_error *err);
void bench_shapes_drop(bench_shapes *s); /* a zeroed one is fine */

/* Operations of one run, a multiplication and an addition counted as two, in matrix products and attention; of the last layer
 * only what the wanted rows need. Dense modules, whose shapes are not told, are counted as one. */
double bench_shapes_ops(const bench_shape *s, const tri_model_info *info, unsigned want);

/* Tokens of a text: minimum, p25, p50, p75, p95, maximum. */
tri_status bench_shapes_quantiles(const bench_shape *s, size_t out[BENCH_QUANTILES], tri_error *err);

#endif

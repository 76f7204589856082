/* SPDX-License-Identifier: Apache-2.0 */
/* text_sample.h — texts of a file kept in memory: an even sample of a bounded number, or all.
 *
 * The sample is uniform over the file (reservoir, Vitter 1985, algorithm R), drawn with one fixed seed, in random order: the
 * same file gives the same sample, and any part of it is an even sample too. Lines as encode takes them (record.h). */
#ifndef TRI_CLI_TEXT_SAMPLE_H
#define TRI_CLI_TEXT_SAMPLE_H

#include "base/arena.h"
#include "base/rng.h"
#include "cli/record.h"

typedef struct text_sample {
    const char *path;
    arena memory;
    tri_input *inputs; /* [n] */
    tri_text *ids;     /* [n] */
    uint64_t *lines;   /* [n] from 1 */
    size_t n, cap;
    uint64_t n_seen; /* texts in the file */
} text_sample;

enum { TEXT_SAMPLE_SEED = 8 };

/* For whoever draws something else into one (pair_sample.h): the beginning; an input of line `line` at place 0..n, in
 * s->memory; the end. */
void text_sample_begin(text_sample *s, const char *path);
tri_status text_sample_put(text_sample *s, size_t place, tri_input input, uint64_t line, tri_error *err);
void text_sample_shuffle(text_sample *s, rng *draw);

/* A sample of `most` texts. */
tri_status text_sample_draw(text_sample *s, cli *c, const char *path, size_t most, tri_error *err);
/* All texts, in the file's order; an id given twice, or more than some hundred thousand texts, is an error. */
tri_status text_sample_all(text_sample *s, cli *c, const char *path, tri_error *err);
void text_sample_drop(text_sample *s); /* a zeroed one is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h — how far along is it? A bar on standard error when that is a terminal; a plain line every ten seconds when not.
 *
 *   progress_begin(&p, "encode", "texts", extent, quiet);     extent: bytes or items to get through; 0 = not known
 *   progress_span(&p, from, to, items);                       the next piece of work takes `position` from..to
 *   ... tri_embed with progress_tick, &p ...                  moves inside the span
 *   progress_end(&p);
 * Nothing is drawn in the first second: short work is silent. */
#ifndef TRI_CLI_PROGRESS_H
#define TRI_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct progress {
    const char *what, *unit;
    bool on, terminal, drawn;
    uint64_t extent, from, to; /* in bytes or items */
    uint64_t skipped;          /* of the extent, passed without work: an earlier run did it */
    uint64_t items, span_items, tokens, span_tokens;
    uint64_t there; /* items that an earlier run had done; set by whoever counts them */
    double share;   /* of the span done */
    double began, shown, told;
    const char *file; /* progress_file.h; NULL = nobody asked */
} progress;

void progress_begin(progress *p, const char *what, const char *unit, uint64_t extent, bool quiet);
/* Ends the span before it (its items and tokens count as done) and begins the next. */
void progress_span(progress *p, uint64_t from, uint64_t to, uint64_t items);
/* The part of the extent that the span stands for needs no work: it says nothing about the time left. */
void progress_skip(progress *p);
/* A tri_progress_fn: `ctx` is the progress; done and total are tokens of this span. Non-zero after Ctrl-C. */
int progress_tick(void *ctx, uint64_t done, uint64_t total);
/* A tri_progress_fn for work that is one piece: done and total are of the whole extent. */
int progress_whole(void *ctx, uint64_t done, uint64_t total);
/* Takes the bar off the terminal so that a line of talk can be printed. */
void progress_hide(progress *p);
/* Leaves a last line on the terminal with the totals when a bar was drawn. */
void progress_end(progress *p);
double progress_seconds(const progress *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* demo_view.h — putting ranked lists, matching tokens and pieces of text on a terminal.
 *
 * Everything is appended to a buffer; colour is a switch, so that the same words go to a file without escapes. Widths are
 * display columns: wide East Asian characters count two, combining marks none (utf8 alone would misalign Chinese and Arabic).
 */
#ifndef TRI_CLI_DEMO_VIEW_H
#define TRI_CLI_DEMO_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "trident/types.h"

typedef enum { VIEW_PLAIN, VIEW_BOLD, VIEW_DIM, VIEW_GOOD, VIEW_MARK, VIEW_TITLE } view_style;

typedef struct view {
    buf *out;
    bool color;
    size_t columns; /* of the terminal */
} view;

/* A file or pipe is 100 columns wide and without colour; `when` is 0 auto, 1 always, 2 never. NO_COLOR counts as never in auto.
 */
void view_init(view *v, buf *out, int when);
tri_status view_text(const view *v, view_style style, const char *bytes, size_t len);
tri_status view_printf(const view *v, view_style style, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Columns that the text takes. */
size_t view_width(const char *bytes, size_t len);

/* A word of the query that a passage has, as its token's piece ("▁Panthers"; the mark is taken off), and how much it counts. */
typedef struct view_match {
    tri_text piece;
    float weight;
} view_match;

/* The part of `text` where the matches lie thickest, at most `lines` lines, each after `indent` blanks, matches marked. */
tri_status view_passage(const view *v, tri_text text, const view_match *matches, size_t n, size_t lines, size_t indent);

/* The piece without its word mark, with control characters replaced; "·" for the mark alone. */
tri_status view_piece(const view *v, view_style style, tri_text piece);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* grapheme.h — where does one user-perceived character end and the next begin? UAX #29 of Unicode 16, extended clusters, as a
 * machine that is shown one character after another. A machine started at any boundary gives the boundaries that follow. */
#ifndef TRI_TOKENIZER_GRAPHEME_H
#define TRI_TOKENIZER_GRAPHEME_H

#include <stdbool.h>
#include <stdint.h>

#include "tokenizer/ucd.h"

typedef struct grapheme {
    ucd_gcb last;
    bool odd_ri;                                                     /* an odd run of regional indicators ends here */
    enum { PICT_NONE, PICT_SEEN, PICT_JOINER } pict;                 /* GB11: Pict Extend* | Pict Extend* ZWJ */
    enum { CONJUNCT_NONE, CONJUNCT_OPEN, CONJUNCT_LINKED } conjunct; /* GB9c: Consonant [Extend]* | ... with a Linker */
} grapheme;

/* The first character of a cluster. */
void grapheme_begin(grapheme *g, uint32_t props);
/* true: the next character begins a new cluster (then call grapheme_begin); false: it was taken in. */
bool grapheme_break(grapheme *g, uint32_t props);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* grapheme.c — the rules GB3 to GB13 of UAX #29, by their numbers.
 *
 * The look-behind of GB9c, GB11, GB12 and GB13 is kept as state, so that each character is looked at once. */
#include "tokenizer/grapheme.h"

static void note(grapheme *g, uint32_t props)
{
    ucd_gcb class = UCD_GCB(props);
    ucd_incb incb = UCD_INCB(props);
    if (class == GCB_PICT)
        g->pict = PICT_SEEN;
    else if (g->pict == PICT_SEEN && class == GCB_ZWJ)
        g->pict = PICT_JOINER;
    else if (g->pict != PICT_SEEN || class != GCB_EXTEND)
        g->pict = PICT_NONE;
    if (incb == INCB_CONSONANT)
        g->conjunct = CONJUNCT_OPEN;
    else if (incb == INCB_NONE)
        g->conjunct = CONJUNCT_NONE;
    else if (incb == INCB_LINKER && g->conjunct != CONJUNCT_NONE)
        g->conjunct = CONJUNCT_LINKED;
    g->odd_ri = class == GCB_RI && !g->odd_ri;
    g->last = class;
}

void grapheme_begin(grapheme *g, uint32_t props)
{
    g->pict = PICT_NONE;
    g->conjunct = CONJUNCT_NONE;
    g->odd_ri = false;
    note(g, props);
}

static bool joins(const grapheme *g, uint32_t props)
{
    ucd_gcb last = g->last, next = UCD_GCB(props);
    if (last == GCB_CR && next == GCB_LF) return true;                                                       /* GB3 */
    if (last == GCB_CR || last == GCB_LF || last == GCB_CONTROL) return false;                               /* GB4 */
    if (next == GCB_CR || next == GCB_LF || next == GCB_CONTROL) return false;                               /* GB5 */
    if (last == GCB_L && (next == GCB_L || next == GCB_V || next == GCB_LV || next == GCB_LVT)) return true; /* GB6 */
    if ((last == GCB_LV || last == GCB_V) && (next == GCB_V || next == GCB_T)) return true;                  /* GB7 */
    if ((last == GCB_LVT || last == GCB_T) && next == GCB_T) return true;                                    /* GB8 */
    if (next == GCB_EXTEND || next == GCB_ZWJ || next == GCB_SPACING) return true;                           /* GB9, GB9a */
    if (last == GCB_PREPEND) return true;                                                                    /* GB9b */
    if (g->conjunct == CONJUNCT_LINKED && UCD_INCB(props) == INCB_CONSONANT) return true;                    /* GB9c */
    if (g->pict == PICT_JOINER && next == GCB_PICT) return true;                                             /* GB11 */
    return g->odd_ri && next == GCB_RI;                                                                      /* GB12, GB13 */
}

bool grapheme_break(grapheme *g, uint32_t props)
{
    if (!joins(g, props)) return true;
    note(g, props);
    return false;
}

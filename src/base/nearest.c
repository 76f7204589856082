/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.c — by edits: a letter more, less or other, or two neighbours swapped, which is how people mistype. */
#include "base/nearest.h"

#include <stddef.h>
#include <string.h>

enum { MAX_WORD = 40 }; /* longer words are near nothing */

/* Edit distance with neighbouring letters swapped as one step (optimal string alignment), bounded by MAX_WORD. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX_WORD || m > MAX_WORD) return MAX_WORD;
    size_t d[MAX_WORD + 1][MAX_WORD + 1];
    for (size_t i = 0; i <= n; i++) d[i][0] = i;
    for (size_t j = 0; j <= m; j++) d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *nearest_word(const char *word, const char *(*next)(void *ctx, size_t i), void *ctx)
{
    size_t best = 1 + strlen(word) / 3; /* a third of the letters may be wrong; more is another word */
    const char *found = NULL, *candidate;
    for (size_t i = 0; (candidate = next(ctx, i)) != NULL; i++) {
        size_t d = distance(word, candidate);
        if (d <= best && (!found || d < best)) {
            best = d;
            found = candidate;
        }
    }
    return found;
}

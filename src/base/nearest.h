/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.h — "did you mean": the known word that a mistyped one was probably meant to be. */
#ifndef TRI_BASE_NEAREST_H
#define TRI_BASE_NEAREST_H

#include <stddef.h>

/* The word nearest to a mistyped one, NULL when none is near. next(ctx, i) answers NULL past the last. */
const char *nearest_word(const char *word, const char *(*next)(void *ctx, size_t i), void *ctx);

#endif

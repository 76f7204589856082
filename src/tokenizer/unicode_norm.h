/* SPDX-License-Identifier: Apache-2.0 */
/* unicode_norm.h — the normalisation forms NFC, NFD, NFKC and NFKD (UAX #15) as of Unicode 9, which is what the reference has.
 */
#ifndef TRI_TOKENIZER_UNICODE_NORM_H
#define TRI_TOKENIZER_UNICODE_NORM_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/buf.h"
#include "tokenizer/list_grow.h"

typedef enum { UNICODE_NFD, UNICODE_NFC, UNICODE_NFKD, UNICODE_NFKC } unicode_form;

/* Two lists that the caller keeps between calls. */
typedef struct unicode_norm_work {
    u32_list pending, sorted;
} unicode_norm_work;

void unicode_norm_drop(unicode_norm_work *w);
/* Appends the form of a valid text. Linear, runs of marks included. */
tri_status unicode_norm_run(unicode_form form, const uint8_t *text, size_t len, unicode_norm_work *w, buf *out, tri_error *err);

#endif

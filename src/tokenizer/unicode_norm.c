/* SPDX-License-Identifier: Apache-2.0 */
/* unicode_norm.c — decompose, order, compose; one starter and its marks at a time.
 *
 * `pending` holds a starter (or none, at the start of a text) and the marks decomposed after it. When the next starter comes,
 * the marks are put in canonical order (a stable counting sort when there are many: a text may be a million marks), composed,
 * and written, unless nothing but the starter is left and it composes with the next one (Hangul, some Indic vowels). ASCII is
 * copied in runs; its last character waits when something else follows. */
#include "tokenizer/unicode_norm.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "tokenizer/ucd.h"
#include "tokenizer/utf8_walk.h"

enum { INSERTION_SORT_MAX = 24 }; /* marks; real text has three or four */
enum { N_CLASSES = 256 };

void unicode_norm_drop(unicode_norm_work *w)
{
    mem_free(w->pending.v);
    mem_free(w->sorted.v);
    memset(w, 0, sizeof *w);
}

static void sort_few(uint32_t *marks, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint32_t mark = marks[i];
        unsigned ccc = ucd_ccc(mark);
        size_t k = i;
        for (; k > 0 && ucd_ccc(marks[k - 1]) > ccc; k--) marks[k] = marks[k - 1];
        marks[k] = mark;
    }
}

static bool sort_many(uint32_t *marks, size_t n, u32_list *sorted)
{
    size_t at[N_CLASSES + 1] = {0};
    sorted->n = 0;
    if (!u32_list_reserve(sorted, n)) return false;
    for (size_t i = 0; i < n; i++) at[ucd_ccc(marks[i]) + 1]++;
    for (size_t c = 1; c <= N_CLASSES; c++) at[c] += at[c - 1];
    for (size_t i = 0; i < n; i++) sorted->v[at[ucd_ccc(marks[i])]++] = marks[i];
    memcpy(marks, sorted->v, n * sizeof *marks);
    return true;
}

/* Composes the starter l->v[0] with the ordered marks after it; what stays apart is kept. */
static void compose_marks(u32_list *l)
{
    size_t kept = 1;
    unsigned last = 0; /* class of the last mark kept: an equal one after it is blocked */
    for (size_t i = 1; i < l->n; i++) {
        unsigned ccc = ucd_ccc(l->v[i]);
        uint32_t whole = kept > 1 && last == ccc ? 0 : ucd_compose(l->v[0], l->v[i]);
        if (whole) {
            l->v[0] = whole;
        } else {
            l->v[kept++] = l->v[i];
            last = ccc;
        }
    }
    l->n = kept;
}

static tri_status write_pending(unicode_norm_work *w, buf *out, tri_error *err)
{
    for (size_t i = 0; i < w->pending.n; i++) {
        uint8_t utf8[4];
        size_t n = utf8_put(utf8, w->pending.v[i]);
        if (buf_append(out, utf8, n)) return err_memory(err, out->len + n);
    }
    w->pending.n = 0;
    return TRI_OK;
}

/* Orders and composes what is pending. */
static tri_status settle(unicode_norm_work *w, bool compose, tri_error *err)
{
    u32_list *l = &w->pending;
    if (l->n < 2) return TRI_OK;
    size_t first = ucd_is(l->v[0], UCD_CCC) ? 0 : 1;
    size_t n = l->n - first;
    if (n <= INSERTION_SORT_MAX)
        sort_few(l->v + first, n);
    else if (!sort_many(l->v + first, n, &w->sorted))
        return err_memory(err, n * sizeof *l->v);
    if (compose && first) compose_marks(l);
    return TRI_OK;
}

static tri_status push(unicode_norm_work *w, uint32_t cp, bool compose, buf *out, tri_error *err)
{
    u32_list *l = &w->pending;
    if (!ucd_is(cp, UCD_CCC)) {
        TRI_TRY(settle(w, compose, err));
        if (compose && l->n == 1) {
            uint32_t whole = ucd_compose(l->v[0], cp);
            if (whole) {
                l->v[0] = whole;
                return TRI_OK;
            }
        }
        TRI_TRY(write_pending(w, out, err));
    }
    return u32_list_push(l, cp) ? TRI_OK : err_memory(err, (l->n + 1) * sizeof *l->v);
}

tri_status unicode_norm_run(unicode_form form, const uint8_t *text, size_t len, unicode_norm_work *w, buf *out, tri_error *err)
{
    if (!len) return TRI_OK;
    bool compose = form == UNICODE_NFC || form == UNICODE_NFKC;
    bool compatible = form == UNICODE_NFKD || form == UNICODE_NFKC;
    const uint8_t *p = text, *end = text + len;
    w->pending.n = 0;
    if (buf_reserve(out, len)) return err_memory(err, len);
    while (p < end) {
        if (*p < 0x80) {
            const uint8_t *run = p;
            while (p < end && *p < 0x80) p++;
            const uint8_t *last = p < end ? p - 1 : p;
            TRI_TRY(settle(w, compose, err));
            TRI_TRY(write_pending(w, out, err));
            if (buf_append(out, run, (size_t)(last - run))) return err_memory(err, out->len + len);
            if (p == end) break;
            if (!u32_list_push(&w->pending, *last)) return err_memory(err, sizeof *w->pending.v);
        }
        uint32_t cp, parts[UCD_DECOMPOSED_MAX];
        p += utf8_walk(p, &cp);
        size_t n = ucd_decompose(cp, compatible, parts);
        for (size_t i = 0; i < n; i++) TRI_TRY(push(w, parts[i], compose, out, err));
    }
    TRI_TRY(settle(w, compose, err));
    return write_pending(w, out, err);
}

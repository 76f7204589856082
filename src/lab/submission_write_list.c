/* SPDX-License-Identifier: Apache-2.0 */
/* submission_write_list.c — scores, ids and lists as text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/number.h"
#include "base/utf8.h"
#include "lab/submission_number.h"
#include "lab/submission_write_int.h"

tri_status submission_refuse_id(tri_text id, const char *why, tri_error *err)
{
    return err_set(err, TRI_ERR_UNSUPPORTED, "could not write the id \"%.*s\": %s", (int)(id.len < 60 ? id.len : 60), id.bytes,
                   why);
}

tri_status submission_write_score(submission_writer *w, const run_pair *pair, size_t i, size_t n)
{
    const submission_format *f = w->f;
    char text[48];
    double value = pair->score * w->scale + w->shift;
    if (w->by_place) value = f->lower_is_better ? (double)(i + 1) : (double)(n - i);
    if (value < f->score_min) value = f->score_min; /* rounding at the ends of the range */
    if (value > f->score_max) value = f->score_max;
    if (w->is_mapped && isfinite(value)) { /* the digits that the map's rounding made up are left out */
        snprintf(text, sizeof text, "%.12g", value);
        if (!number_parse_f64(text, strlen(text), &value)) return TRI_ERR_NUMERIC;
    }
    size_t len = number_format_f64(text, sizeof text - 4, value + 0.0);
    if (!f->score_integer && !strpbrk(text, ".eE")) len += (size_t)snprintf(text + len, 3, ".0");
    for (size_t k = 0; f->decimal_comma && k < len; k++)
        if (text[k] == '.') text[k] = ',';
    buf_clear(&w->score);
    TRI_TRY(buf_append(&w->score, text, len));
    return f->score_percent ? buf_byte(&w->score, '%') : TRI_OK;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

static tri_status put_escape(buf *out, uint32_t cp)
{
    if (cp == '"' || cp == '\\') return buf_printf(out, "\\%c", (int)cp);
    if (cp == '\n') return buf_str(out, "\\n");
    if (cp == '\r') return buf_str(out, "\\r");
    if (cp == '\t') return buf_str(out, "\\t");
    if (cp < 0x10000) return buf_printf(out, "\\u%04x", cp);
    return buf_printf(out, "\\u%04x\\u%04x", 0xD800 + ((cp - 0x10000) >> 10), 0xDC00 + ((cp - 0x10000) & 0x3FF));
}

tri_status submission_put_text(buf *out, tri_text text, bool escaped)
{
    const uint8_t *p = (const uint8_t *)text.bytes;
    TRI_TRY(buf_byte(out, '"'));
    for (size_t i = 0; i < text.len;) {
        uint32_t cp;
        size_t n = utf8_next(p + i, text.len - i, &cp, NULL);
        bool plain = cp >= 0x20 && cp != '"' && cp != '\\' && !(escaped && cp >= 0x7F) && cp != UTF8_REPLACEMENT;
        TRI_TRY(plain                                ? buf_append(out, p + i, n)
                : cp == UTF8_REPLACEMENT && !escaped ? buf_str(out, "\xEF\xBF\xBD")
                                                     : put_escape(out, cp));
        i += n;
    }
    return buf_byte(out, '"');
}

void submission_put_gap(buf *out, const submission_format *f, int level, tri_status *st)
{
    if (level < 0 || !f->indent || f->kind != SUBMISSION_JSON) return;
    if (!*st && f->crlf) *st = buf_byte(out, '\r');
    if (!*st) *st = buf_byte(out, '\n');
    for (int i = 0; i < level * f->indent && !*st; i++) *st = buf_byte(out, (uint8_t)f->indent_by);
}

static tri_status put_comma(buf *out, const submission_format *f, int level)
{
    bool breaks = level >= 0 && f->indent && f->kind == SUBMISSION_JSON;
    tri_status st = buf_str(out, !breaks && f->spaced ? ", " : ",");
    submission_put_gap(out, f, level, &st);
    return st;
}

static tri_status put_key(buf *out, const submission_format *f, tri_text key)
{
    TRI_TRY(submission_put_text(out, key, f->escaped));
    return buf_str(out, f->spaced || f->indent ? ": " : ":");
}

static tri_status put_id(const submission_writer *w, tri_text id, buf *out, tri_error *err)
{
    if (!w->f->doc_number) return submission_put_text(out, id, w->f->escaped) ? err_memory(err, id.len) : TRI_OK;
    if (!submission_is_digits(id) || (id.len > 1 && *id.bytes == '0'))
        return submission_refuse_id(id, "the sample's document ids are numbers", err);
    return buf_append(out, id.bytes, id.len) ? err_memory(err, id.len) : TRI_OK;
}

static tri_status put_score(submission_writer *w, buf *out)
{
    tri_text text = {(const char *)w->score.data, w->score.len};
    return w->f->score_string ? submission_put_text(out, text, false) : buf_append(out, text.bytes, text.len);
}

/* A value of an object or an array of the list. */
static tri_status put_value(submission_writer *w, const submission_field *item, tri_text id, size_t i, buf *out, tri_error *err)
{
    uint32_t place;
    tri_text text = {"", 0};
    switch (item->role) {
    case ROLE_DOC:
        return put_id(w, id, out, err);
    case ROLE_SCORE:
        return put_score(w, out) ? err_memory(err, 64) : TRI_OK;
    case ROLE_RANK:
        return buf_printf(out, "%lld", (long long)w->f->rank_base + (long long)i) ? err_memory(err, 64) : TRI_OK;
    default:
        if (w->corpus && w->corpus->texts && known_ids_find(w->corpus, id, &place)) text = w->corpus->texts[place];
        return submission_put_text(out, text, w->f->escaped) ? err_memory(err, text.len) : TRI_OK;
    }
}

static tri_status put_item(submission_writer *w, tri_text id, size_t i, int level, buf *out, tri_error *err)
{
    const submission_format *f = w->f;
    bool arrays = f->items_form == ITEMS_ARRAYS;
    int inner = level < 0 ? -1 : level + 1;
    tri_status st = buf_byte(out, arrays ? '[' : '{');
    submission_put_gap(out, f, inner, &st);
    for (size_t k = 0; k < f->n_items && !st; k++) {
        if (k) st = put_comma(out, f, inner);
        if (!st && !arrays) st = put_key(out, f, f->items[k].name);
        if (!st) TRI_TRY(put_value(w, &f->items[k], id, i, out, err));
    }
    submission_put_gap(out, f, level, &st);
    if (!st) st = buf_byte(out, arrays ? ']' : '}');
    return st ? err_memory(err, out->len) : TRI_OK;
}

static tri_status put_element(submission_writer *w, tri_text id, size_t i, int level, bool scores, buf *out, tri_error *err)
{
    const submission_format *f = w->f;
    if (scores) return put_score(w, out) ? err_memory(err, 64) : TRI_OK;
    if (f->items_form == ITEMS_IDS) return put_id(w, id, out, err);
    if (f->items_form != ITEMS_MAP) return put_item(w, id, i, level, out, err);
    return put_key(out, f, id) || put_score(w, out) ? err_memory(err, id.len) : TRI_OK;
}

tri_status submission_write_list(submission_writer *w, const planned_query *q, int level, bool scores, buf *out, tri_error *err)
{
    const submission_format *f = w->f;
    bool map = f->items_form == ITEMS_MAP && !scores;
    int inner = level < 0 ? -1 : level + 1;
    const run_pair *pairs = planned_pairs(w, q);
    tri_status st = buf_byte(out, map ? '{' : '[');
    if (q->n) submission_put_gap(out, f, inner, &st);
    for (size_t i = 0; i < q->n && !st; i++) {
        if (i) st = put_comma(out, f, inner);
        if (!st) st = submission_write_score(w, &pairs[i], i, q->n);
        if (!st) TRI_TRY(put_element(w, w->run->docs.ids[pairs[i].doc], i, inner, scores, out, err));
    }
    if (q->n) submission_put_gap(out, f, level, &st);
    if (!st) st = buf_byte(out, map ? '}' : ']');
    return st ? err_memory(err, out->len) : TRI_OK;
}

/* ---- cells ---------------------------------------------------------------------------------------------------------- */

static tri_status put_python(tri_text id, buf *out, tri_error *err)
{
    if (memchr(id.bytes, '\'', id.len) || memchr(id.bytes, '\\', id.len))
        return submission_refuse_id(id, "it holds a quote or a backslash, which the sample's list cannot carry", err);
    return buf_printf(out, "'%.*s'", (int)id.len, id.bytes) ? err_memory(err, id.len) : TRI_OK;
}

tri_status submission_write_split(submission_writer *w, const planned_query *q, bool scores, buf *out, tri_error *err)
{
    const submission_format *f = w->f;
    bool python = f->list == LIST_PYTHON;
    const run_pair *pairs = planned_pairs(w, q);
    tri_status st = python ? buf_byte(out, '[') : TRI_OK;
    for (size_t i = 0; i < q->n && !st; i++) {
        tri_text id = w->run->docs.ids[pairs[i].doc];
        if (i) st = buf_byte(out, (uint8_t)f->list_separator);
        if (!st && i && f->list_spaced) st = buf_byte(out, ' ');
        if (!st) st = submission_write_score(w, &pairs[i], i, q->n);
        if (st) break;
        if (scores) {
            st = buf_append(out, w->score.data, w->score.len);
        } else if (python) {
            TRI_TRY(put_python(id, out, err));
        } else {
            if (memchr(id.bytes, f->list_separator, id.len) || memchr(id.bytes, '\n', id.len))
                return submission_refuse_id(id, "it holds the separator of the sample's lists", err);
            st = buf_append(out, id.bytes, id.len);
        }
    }
    if (!st && python) st = buf_byte(out, ']');
    return st ? err_memory(err, out->len) : TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* submission_learn.c — bytes to a format: what kind of file, its shape (submission_learn_table.c, _json.c), then its values. */
#include "lab/submission_learn.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "lab/submission_learn_int.h"
#include "lab/submission_number.h"
#include "lab/submission_text.h"

tri_status submission_learn_copy(submission_format *f, tri_text text, tri_text *out, tri_error *err)
{
    char *bytes = arena_copy(&f->memory, text.len ? text.bytes : "", text.len);
    if (!bytes) return err_memory(err, text.len);
    *out = (tri_text){bytes, text.len};
    return TRI_OK;
}

/* Pieces by pieces, so that a file of any size does not become resident. */
static bool holds_nul(const submission_source *source)
{
    enum { STEP = 1 << 24 };
    bool found = false;
    for (size_t at = 0; at < source->bytes.len && !found; at += STEP) {
        size_t len = source->bytes.len - at < STEP ? source->bytes.len - at : STEP;
        found = memchr(source->bytes.bytes + at, 0, len) != NULL;
        if (source->file) mapped_file_wont_need(source->file, at, len);
    }
    return found;
}

static tri_status check_utf8(const learner *l, tri_error *err)
{
    const uint8_t *bytes = (const uint8_t *)l->source->bytes.bytes;
    size_t len = l->source->bytes.len;
    uint64_t line = 1;
    bool bad = false;
    for (size_t i = 0; i < len && !bad;) {
        uint32_t cp;
        line += bytes[i] == '\n';
        i += utf8_next(bytes + i, len - i, &cp, &bad);
    }
    if (!bad) return TRI_OK;
    tri_status st = err_set(err, TRI_ERR_FORMAT, "%s line %llu is no UTF-8", l->source->what, (unsigned long long)line);
    return err_hint(err, st, "convert a copy of it, as by iconv -f GB18030 -t UTF-8, and ask which encoding is wanted");
}

static tri_status learn_bytes(learner *l, tri_error *err)
{
    submission_format *f = l->f;
    tri_text all = l->source->bytes;
    f->bom = all.len >= 3 && !memcmp(all.bytes, "\xEF\xBB\xBF", 3);
    if (all.len >= 2 && (!memcmp(all.bytes, "\xFF\xFE", 2) || !memcmp(all.bytes, "\xFE\xFF", 2))) {
        tri_status st = err_set(err, TRI_ERR_FORMAT, "%s is UTF-16", l->source->what);
        return err_hint(err, st, "iconv -f UTF-16 -t UTF-8 makes it UTF-8");
    }
    if (holds_nul(l->source)) return err_set(err, TRI_ERR_FORMAT, "%s holds NUL bytes: it is no text", l->source->what);
    if (!l->hints->lenient) TRI_TRY(check_utf8(l, err));
    const char *newline = all.len ? memchr(all.bytes, '\n', all.len) : NULL;
    f->crlf = newline && newline > all.bytes && newline[-1] == '\r';
    f->ends_in_newline = all.len && all.bytes[all.len - 1] == '\n';
    if (!newline && all.len && memchr(all.bytes, '\r', all.len)) {
        tri_status st = err_set(err, TRI_ERR_FORMAT, "the lines of %s end in CR alone", l->source->what);
        return err_hint(err, st, "tr '\\r' '\\n' makes line ends that programs of today read");
    }
    return TRI_OK;
}

static tri_status learn_shape(learner *l, tri_error *err)
{
    tri_text all = l->source->bytes;
    if (l->f->bom) all = (tri_text){all.bytes + 3, all.len - 3};
    all = submission_trim(all);
    if (!all.len) {
        tri_status st = err_set(err, TRI_ERR_FORMAT, "could not learn a format from %s: it is empty", l->source->what);
        return err_hint(err, st, "give the file that the organiser hands out as the sample");
    }
    if (*all.bytes == '{' || *all.bytes == '[') return submission_learn_json(l, err);
    return submission_learn_table(l, err);
}

tri_status submission_learn(const submission_source *source, const submission_hints *hints, submission_sample *out,
                            tri_error *err)
{
    learner l = {.f = &out->format, .source = source, .hints = hints};
    submission_format_init(&out->format);
    known_ids_init(&out->queries, false);
    tri_status st = learn_bytes(&l, err);
    if (!st) st = learn_shape(&l, err);
    if (!st && !l.no_memory) st = submission_learn_values(&l, out, err);
    if (l.no_memory) st = err_memory(err, source->bytes.len);
    if (st) submission_sample_drop(out);
    return st;
}

void submission_sample_drop(submission_sample *s)
{
    submission_format_drop(&s->format);
    known_ids_drop(&s->queries);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* pretok_metaspace.c — SentencePiece's "▁" for a space: every space becomes one, every word begins with one.
 *
 * "always" puts a mark before each piece that does not begin with one (so also after a special token in the text), "first" only
 * before the piece at the very start of the input, and nothing is put before an empty piece. With `split` each mark begins a
 * new piece. Old files say add_prefix_space instead of prepend_scheme.
 * "first" after a stage that cuts is refused: when a normalizer makes several characters of the first one (U+FDFA holds
 * spaces), the reference may see several first pieces, and no published file asks for it. */
#include "tokenizer/pretok.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "tokenizer/tokenizer.h"

static const char lower_one_eighth_block[] = "\xE2\x96\x81"; /* U+2581 */

tri_status pretok_metaspace_parse(pretok_stage *stage, const json_t *object, tri_error *err)
{
    static const char what[] = "pre-tokenizer Metaspace";
    const char *mark, *scheme;
    bool prefix = true;
    TRI_TRY(json_get_str(object, "replacement", what, lower_one_eighth_block, &mark, err));
    size_t len = strlen(mark);
    if (!len || len > sizeof stage->mark || utf8_len((uint8_t)mark[0]) != len)
        return err_set(err, TRI_ERR_FORMAT, "%s: replacement \"%s\" is not one character", what, mark);
    memcpy(stage->mark, mark, len);
    stage->mark_len = len;
    TRI_TRY(json_get_bool(object, "add_prefix_space", what, true, &prefix, err));
    TRI_TRY(json_get_bool(object, "split", what, true, &stage->split, err));
    TRI_TRY(json_get_str(object, "prepend_scheme", what, prefix ? "always" : "never", &scheme, err));
    if (!strcmp(scheme, "always"))
        stage->prepend = PREPEND_ALWAYS;
    else if (!strcmp(scheme, "first") && stage->place == 0)
        stage->prepend = PREPEND_FIRST;
    else if (!strcmp(scheme, "first"))
        return err_set(err, TRI_ERR_UNSUPPORTED, "%s: prepend_scheme \"first\" after another pre-tokenizer is not supported",
                       what);
    else if (!strcmp(scheme, "never"))
        stage->prepend = PREPEND_NEVER;
    else
        return err_set(err, TRI_ERR_UNSUPPORTED, "%s: prepend_scheme \"%s\" is not known", what, scheme);
    return TRI_OK;
}

static bool at_mark(const pretok_stage *stage, const uint8_t *p, size_t left)
{
    return left >= stage->mark_len && !memcmp(p, stage->mark, stage->mark_len);
}

static uint8_t *put_mark(const pretok_stage *stage, uint8_t *to)
{
    memcpy(to, stage->mark, stage->mark_len);
    return to + stage->mark_len;
}

/* Writes the span to texts[which], which has room, and emits its pieces. */
static tri_status rewrite(const pretok_stage *stage, pretok_work *w, span s, tri_error *err)
{
    buf *out = &w->texts[w->which];
    const uint8_t *p = w->text + s.start, *end = p + s.len;
    uint8_t *to = out->data + out->len;
    span written = {out->len, 0, TOKEN_NONE, s.first};
    size_t piece = out->len;
    bool marked = *p == ' ' || at_mark(stage, p, s.len);
    if (!marked && (stage->prepend == PREPEND_ALWAYS || (stage->prepend == PREPEND_FIRST && s.first))) to = put_mark(stage, to);
    while (p < end) {
        bool space = *p == ' ';
        if (space || (*p == stage->mark[0] && at_mark(stage, p, (size_t)(end - p)))) {
            size_t here = (size_t)(to - out->data);
            if (stage->split && here > piece) {
                TRI_TRY(pretok_emit(w, written, piece, here, err));
                piece = here;
            }
            to = put_mark(stage, to);
            p += space ? 1 : stage->mark_len;
        } else {
            *to++ = *p++;
        }
    }
    out->len = (size_t)(to - out->data);
    return pretok_emit(w, written, piece, out->len, err);
}

tri_status pretok_metaspace_run(const pretok_stage *stage, pretok_work *w, tri_error *err)
{
    size_t need = 0; /* every space grows to a mark, and one mark before each piece */
    for (size_t i = 0; i < w->spans.n; i++) {
        span s = w->spans.v[i];
        size_t n_spaces = 0;
        for (size_t k = 0; k < s.len; k++) n_spaces += w->text[s.start + k] == ' ';
        need += s.len + (n_spaces + 1) * stage->mark_len;
    }
    if (buf_reserve(&w->texts[w->which], need)) return err_memory(err, need);
    for (size_t i = 0; i < w->spans.n; i++) TRI_TRY(rewrite(stage, w, w->spans.v[i], err));
    if (w->spans.n) pretok_swap_text(w);
    return TRI_OK;
}

tri_status pretok_make_metaspace(pretok *p, bool whitespace_split, tri_error *err)
{
    pretok_stage *split = whitespace_split ? pretok_add(p, "WhitespaceSplit") : NULL;
    pretok_stage *stage = !whitespace_split || split ? pretok_add(p, "Metaspace") : NULL;
    if (!stage) return err_memory(err, PRETOK_STAGES_MAX * sizeof *stage);
    stage->mark_len = sizeof lower_one_eighth_block - 1;
    memcpy(stage->mark, lower_one_eighth_block, stage->mark_len);
    stage->prepend = PREPEND_ALWAYS;
    stage->split = true;
    return TRI_OK;
}

bool pretok_asks_first(const pretok *p)
{
    return p->n && !strcmp(p->stages[0].kind->type, "Metaspace") && p->stages[0].prepend == PREPEND_FIRST;
}

bool pretok_is_split_metaspace(const pretok *p)
{
    if (p->n != 2) return false;
    const pretok_stage *a = &p->stages[0], *b = &p->stages[1];
    return !strcmp(a->kind->type, "WhitespaceSplit") && !strcmp(b->kind->type, "Metaspace") && b->split &&
           b->prepend == PREPEND_ALWAYS && b->mark_len == 3 && !memcmp(b->mark, lower_one_eighth_block, 3);
}

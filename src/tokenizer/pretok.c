/* SPDX-License-Identifier: Apache-2.0 */
/* pretok.c — the chain of pre-tokenizers and what its stages share. The stages themselves: pretok_words.c, pretok_metaspace.c,
 * pretok_bytelevel.c. Types that are not listed here are refused by name: a piece cut elsewhere gives other ids. */
#include "tokenizer/pretok.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/json.h"
#include "tokenizer/tokenizer.h"

static const pretok_kind kinds[] = {
    {"Metaspace", pretok_metaspace_parse, pretok_metaspace_run},
    {"WhitespaceSplit", NULL, pretok_whitespace_split_run},
    {"BertPreTokenizer", NULL, pretok_bert_run},
    {"ByteLevel", pretok_bytelevel_parse, pretok_bytelevel_run},
    {"Split", pretok_split_parse, pretok_split_run},
    {"Whitespace", NULL, pretok_whitespace_run},
    {"Punctuation", pretok_punctuation_parse, pretok_punctuation_run},
    {"Digits", pretok_digits_parse, pretok_digits_run},
};

static const pretok_kind *find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(kinds[i].type, type)) return &kinds[i];
    return NULL;
}

void pretok_work_init(pretok_work *w)
{
    memset(w, 0, sizeof *w);
    buf_init(&w->texts[0], 0);
    buf_init(&w->texts[1], 0);
}

void pretok_work_drop(pretok_work *w)
{
    buf_drop(&w->texts[0]);
    buf_drop(&w->texts[1]);
    mem_free(w->spans.v);
    mem_free(w->next_spans.v);
    mem_free(w->cuts.v);
}

void pretok_drop(pretok *p)
{
    for (size_t i = 0; i < p->n; i++) mem_free(p->stages[i].pattern);
    mem_free(p->stages);
    memset(p, 0, sizeof *p);
}

pretok_stage *pretok_add(pretok *p, const char *type)
{
    if (!p->stages) p->stages = mem_calloc(PRETOK_STAGES_MAX, sizeof *p->stages);
    if (!p->stages || p->n == PRETOK_STAGES_MAX) return NULL;
    pretok_stage *stage = &p->stages[p->n++];
    stage->kind = find_kind(type);
    stage->place = p->n - 1;
    return stage;
}

static tri_status add_parsed(pretok *p, const char *type, const json_t *object, tri_error *err)
{
    if (!find_kind(type)) return err_set(err, TRI_ERR_UNSUPPORTED, "pre-tokenizer of type \"%s\" is not supported", type);
    if (p->n == PRETOK_STAGES_MAX)
        return err_set(err, TRI_ERR_LIMIT, "a pre-tokenizer of more than %d stages", PRETOK_STAGES_MAX);
    pretok_stage *stage = pretok_add(p, type);
    if (!stage) return err_memory(err, PRETOK_STAGES_MAX * sizeof *stage);
    return stage->kind->parse ? stage->kind->parse(stage, object, err) : TRI_OK;
}

static tri_status parse_all(const json_t *json, pretok *p, tri_error *err)
{
    struct {
        const json_t *list;
        size_t next;
    } stack[PRETOK_STAGES_MAX];
    size_t depth = 0;
    const json_t *object = json;
    for (;;) {
        const char *type;
        if (!json_is_object(object)) return err_set(err, TRI_ERR_FORMAT, "a pre-tokenizer is not an object");
        TRI_TRY(json_get_str(object, "type", "pre-tokenizer", "", &type, err));
        if (strcmp(type, "Sequence")) {
            TRI_TRY(add_parsed(p, type, object, err));
        } else {
            const json_t *list = json_object_get(object, "pretokenizers");
            if (!json_is_array(list))
                return err_set(err, TRI_ERR_FORMAT, "pre-tokenizer Sequence: pretokenizers is not a list");
            if (depth == PRETOK_STAGES_MAX) return err_set(err, TRI_ERR_LIMIT, "pre-tokenizers are nested too deep");
            stack[depth].list = list;
            stack[depth++].next = 0;
        }
        while (depth && stack[depth - 1].next == json_array_size(stack[depth - 1].list)) depth--;
        if (!depth) return TRI_OK;
        object = json_array_get(stack[depth - 1].list, stack[depth - 1].next++);
    }
}

tri_status pretok_parse(const json_t *json, pretok *out, tri_error *err)
{
    pretok p = {0};
    tri_status st = json && !json_is_null(json) ? parse_all(json, &p, err) : TRI_OK;
    if (st)
        pretok_drop(&p);
    else
        *out = p;
    return st;
}

tri_status pretok_emit(pretok_work *w, span s, size_t start, size_t end, tri_error *err)
{
    if (start == end) return TRI_OK;
    span piece = {start, end - start, TOKEN_NONE, s.first && start == s.start};
    return span_list_push(&w->next_spans, piece) ? TRI_OK : err_memory(err, (w->next_spans.n + 1) * sizeof piece);
}

void pretok_swap_text(pretok_work *w)
{
    w->text = w->texts[w->which].data;
    w->which ^= 1;
}

/* A run of cuts [from, to) as one piece, with the start of the first and the end of the last. */
static tri_status emit_cuts(pretok_work *w, span s, size_t from, size_t to, tri_error *err)
{
    const span *c = w->cuts.v;
    return pretok_emit(w, s, c[from].start, c[to - 1].start + c[to - 1].len, err);
}

tri_status pretok_cut(pretok_work *w, span s, cut_behavior behavior, tri_error *err)
{
    const span *c = w->cuts.v;
    size_t n = w->cuts.n;
    for (size_t i = 0; i < n;) {
        size_t to = i + 1;
        switch (behavior) {
        case CUT_REMOVED:
            if (c[i].id) {
                i = to;
                continue;
            }
            break;
        case CUT_ISOLATED:
            break;
        case CUT_CONTIGUOUS: /* equal neighbours in one */
            while (to < n && c[to].id == c[i].id) to++;
            break;
        case CUT_MERGED_WITH_PREVIOUS: /* the first delimiter after something else goes to it; the others stand alone */
            if (!c[i].id && to < n && c[to].id) to++;
            break;
        case CUT_MERGED_WITH_NEXT: /* the last delimiter before something else goes to it */
            if (c[i].id && to < n && !c[to].id) to++;
            break;
        }
        TRI_TRY(emit_cuts(w, s, i, to, err));
        i = to;
    }
    return TRI_OK;
}

tri_status pretok_run(const pretok *p, const uint8_t *text, size_t len, bool first, pretok_work *w, tri_error *err)
{
    w->text = text;
    w->spans.n = w->next_spans.n = 0;
    span whole = {0, len, TOKEN_NONE, first};
    TRI_TRY(pretok_emit(w, whole, 0, len, err));
    for (size_t i = 0;; i++) {
        span_list done = w->next_spans;
        w->next_spans = w->spans;
        w->spans = done;
        if (i == p->n) return TRI_OK;
        w->next_spans.n = 0;
        buf_clear(&w->texts[w->which]);
        TRI_TRY(p->stages[i].kind->run(&p->stages[i], w, err));
    }
}

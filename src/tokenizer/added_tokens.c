/* SPDX-License-Identifier: Apache-2.0 */
/* added_tokens.c — the list, its ids, and the search.
 *
 * Leftmost-longest without an automaton: at each place whose byte begins some pattern, the piece table gives the longest
 * pattern there. Text without such bytes is passed over at the speed of a table look-up. */
#include "tokenizer/added_tokens.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/ucd.h"
#include "tokenizer/utf8_walk.h"

void added_tokens_init(added_tokens *a)
{
    memset(a, 0, sizeof *a);
    arena_init(&a->strings, 4096);
}

void added_tokens_drop(added_tokens *a)
{
    piece_table_drop(&a->raw.table);
    piece_table_drop(&a->normal.table);
    arena_drop(&a->strings);
    mem_free(a->v);
    memset(a, 0, sizeof *a);
}

const added_token *added_tokens_find(const added_tokens *a, const void *content, size_t len)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].len == len && !memcmp(a->v[i].content, content, len)) return &a->v[i];
    return NULL;
}

/* The last token of an id is the one in force. */
const added_token *added_tokens_at(const added_tokens *a, uint32_t id)
{
    for (size_t i = a->n; i-- > 0;)
        if (a->v[i].id == id) return &a->v[i];
    return NULL;
}

tri_status added_tokens_add(added_tokens *a, const added_token *token, tri_error *err)
{
    void *v = list_grow(a->v, &a->cap, a->n + 1, sizeof *a->v);
    if (!v) return err_memory(err, (a->n + 1) * sizeof *a->v);
    a->v = v;
    if (!token->len) return TRI_OK; /* the reference passes over empty ones */
    added_token copy = *token;
    copy.content = arena_copy(&a->strings, token->content, token->len);
    if (!copy.content) return err_memory(err, token->len);
    copy.id = TOKEN_NONE;
    a->v[a->n++] = copy;
    return TRI_OK;
}

tri_status added_tokens_parse(added_tokens *a, const json_t *list, tri_error *err)
{
    static const char what[] = "added token";
    if (!list || json_is_null(list)) return TRI_OK;
    if (!json_is_array(list)) return err_set(err, TRI_ERR_FORMAT, "added_tokens is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i), *content = json_object_get(object, "content");
        if (!json_is_string(content)) return err_set(err, TRI_ERR_FORMAT, "added token %zu has no content", i);
        added_token t = {.content = json_string_value(content), .len = json_string_length(content)};
        TRI_TRY(json_get_bool(object, "single_word", what, false, &t.single_word, err));
        TRI_TRY(json_get_bool(object, "lstrip", what, false, &t.lstrip, err));
        TRI_TRY(json_get_bool(object, "rstrip", what, false, &t.rstrip, err));
        TRI_TRY(json_get_bool(object, "special", what, false, &t.special, err));
        TRI_TRY(json_get_bool(object, "normalized", what, !t.special, &t.normalized, err));
        TRI_TRY(added_tokens_add(a, &t, err));
    }
    return TRI_OK;
}

static void give_ids(added_tokens *a, const token_model *m)
{
    size_t size = token_model_size(m), next = size;
    for (size_t i = 0; i < a->n; i++) {
        added_token *t = &a->v[i];
        for (size_t k = 0; k < i && t->id == TOKEN_NONE; k++)
            if (a->v[k].len == t->len && !memcmp(a->v[k].content, t->content, t->len)) t->id = a->v[k].id;
        if (t->id == TOKEN_NONE && !vocab_find(&m->vocab, t->content, t->len, &t->id)) t->id = (uint32_t)next;
        if (t->id >= size && t->id >= next) next = (size_t)t->id + 1;
    }
}

static tri_status normalise(added_tokens *a, const normalizer *n, tri_error *err)
{
    normalizer_work w;
    tri_status st = TRI_OK;
    normalizer_work_init(&w);
    for (size_t i = 0; i < a->n && !st; i++) {
        added_token *t = &a->v[i];
        t->pattern = (const uint8_t *)t->content;
        t->pattern_len = t->len;
        if (!t->normalized) continue;
        bool first = true;
        st = normalizer_run(n, t->pattern, t->len, &w, &t->pattern, &t->pattern_len, &first, err);
        if (!st && !t->pattern_len)
            st = err_set(err, TRI_ERR_UNSUPPORTED, "added token \"%s\" is normalised to nothing", t->content);
        if (!st) {
            t->pattern = (const uint8_t *)arena_copy(&a->strings, t->pattern, t->pattern_len);
            if (!t->pattern) st = err_memory(err, t->pattern_len);
        }
    }
    normalizer_work_drop(&w);
    return st;
}

/* Special tokens come first in the reference's lists, and of equal patterns the first counts. */
static tri_status fill_set(added_tokens *a, added_set *set, bool normalized, uint64_t seed, tri_error *err)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < a->n; i++) n_bytes += a->v[i].normalized == normalized ? a->v[i].pattern_len : 0;
    TRI_TRY(piece_table_init(&set->table, a->n, n_bytes, seed, err));
    for (int special = 1; special >= 0; special--) {
        for (size_t i = 0; i < a->n; i++) {
            const added_token *t = &a->v[i];
            uint32_t there;
            if (t->normalized != normalized || t->special != (special == 1)) continue;
            if (piece_table_find(&set->table, t->pattern, t->pattern_len, &there)) continue;
            piece_table_put(&set->table, t->pattern, t->pattern_len, (uint32_t)i);
            set->starts[t->pattern[0]] = 1;
            set->count++;
        }
    }
    return TRI_OK;
}

tri_status added_tokens_close(added_tokens *a, const token_model *m, const normalizer *n, uint64_t seed, tri_error *err)
{
    give_ids(a, m);
    TRI_TRY(normalise(a, n, err));
    TRI_TRY(fill_set(a, &a->raw, false, seed, err));
    return fill_set(a, &a->normal, true, seed, err);
}

/* ---- the search ---- */

void added_scan_begin(added_scan *s, const added_tokens *tokens, const added_set *set, const uint8_t *text, size_t len)
{
    *s = (added_scan){.tokens = tokens, .set = set, .text = text, .len = len};
}

static bool word_before(const uint8_t *text, size_t at)
{
    uint32_t cp;
    if (!at) return false;
    utf8_walk(utf8_back(text + at), &cp);
    return ucd_is(cp, UCD_WORD);
}

static bool word_after(const uint8_t *text, size_t at, size_t len)
{
    uint32_t cp;
    if (at == len) return false;
    utf8_walk(text + at, &cp);
    return ucd_is(cp, UCD_WORD);
}

/* Stops at `done`: spaces of an earlier match stay with it. */
static size_t spaces_before(const added_scan *s, size_t at)
{
    while (at > s->done) {
        uint32_t cp;
        const uint8_t *p = utf8_back(s->text + at);
        utf8_walk(p, &cp);
        if (!ucd_is(cp, UCD_SPACE)) break;
        at = (size_t)(p - s->text);
    }
    return at > s->done ? at : s->done;
}

static size_t spaces_after(const added_scan *s, size_t at)
{
    while (at < s->len) {
        uint32_t cp;
        size_t n = utf8_walk(s->text + at, &cp);
        if (!ucd_is(cp, UCD_SPACE)) break;
        at += n;
    }
    return at;
}

/* The next match at or after s->at that is not refused; *start and *stop with the white space it takes in. */
static const added_token *next_match(added_scan *s, size_t *start, size_t *stop)
{
    while (s->at < s->len) {
        if (!s->set->starts[s->text[s->at]]) {
            s->at++;
            continue;
        }
        uint32_t which;
        size_t n = piece_table_longest(&s->set->table, s->text + s->at, s->len - s->at, &which);
        if (!n) {
            s->at += utf8_len(s->text[s->at]);
            continue;
        }
        const added_token *t = &s->tokens->v[which];
        *start = s->at;
        *stop = s->at = s->at + n;
        if (t->single_word && (word_before(s->text, *start) || word_after(s->text, *stop, s->len))) continue;
        if (t->lstrip) *start = spaces_before(s, *start);
        if (t->rstrip) *stop = spaces_after(s, *stop);
        return t;
    }
    return NULL;
}

bool added_scan_next(added_scan *s, span *out)
{
    if (s->has_waiting) {
        s->has_waiting = false;
        *out = s->waiting;
        return true;
    }
    size_t start, stop;
    const added_token *t;
    while (s->set->count && (t = next_match(s, &start, &stop))) {
        span found = {start, stop - start, t->id, false};
        span before = {s->done, start - s->done, TOKEN_NONE, s->done == 0};
        bool text_before = s->done < start;
        s->done = stop;
        if (start >= stop) continue; /* all of it lies in the white space that the token before took in */
        s->waiting = found;
        s->has_waiting = text_before;
        *out = text_before ? before : found;
        return true;
    }
    *out = (span){s->done, s->len - s->done, TOKEN_NONE, s->done == 0};
    s->done = s->at = s->len;
    return out->len > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* token_bpe.c — byte-pair encoding: the neighbours with the lowest rank are joined, again and again.
 *
 * HF's BPE: symbols are characters (a byte-level pre-tokenizer has turned bytes into characters before); candidates wait in a
 * heap ordered by rank, then by place; a candidate whose symbols have changed since is passed over. Each join adds at most two
 * candidates: O(n log n). A character outside the vocabulary becomes its bytes (byte_fallback), or unk, or nothing. */
#include "tokenizer/token_model.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "formats/json_stream.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8_walk.h"

enum { BPE_NOWHERE = UINT32_MAX };
enum { BPE_CHARS = 0x180 }; /* the byte alphabet ends at U+0143 */

/* ---- rules ---- */

static size_t rule_home(const token_model *m, uint32_t left, uint32_t right)
{
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    return (size_t)(h >> 32 ^ h >> 7) & m->rule_mask;
}

static const bpe_rule *find_rule(const token_model *m, uint32_t left, uint32_t right)
{
    for (size_t i = rule_home(m, left, right);; i = (i + 1) & m->rule_mask) {
        const bpe_rule *r = &m->rules[i];
        if (r->left == BPE_NOWHERE) return NULL;
        if (r->left == left && r->right == right) return r;
    }
}

static void put_rule(token_model *m, bpe_rule rule)
{
    size_t i = rule_home(m, rule.left, rule.right);
    while (m->rules[i].left != BPE_NOWHERE && (m->rules[i].left != rule.left || m->rules[i].right != rule.right))
        i = (i + 1) & m->rule_mask;
    m->rules[i] = rule;
}

static tri_status resolve(const token_model *m, const uint8_t *s, size_t len, uint32_t rank, uint32_t *id, tri_error *err)
{
    if (vocab_find(&m->vocab, s, len, id)) return TRI_OK;
    return err_set(err, TRI_ERR_FORMAT, "merge %u: \"%.*s\" is not in the vocabulary", rank, (int)(len > 80 ? 80 : len),
                   (const char *)s);
}

/* One pair, as the two strings in `joined` cut at left_len. */
static tri_status add_rule(token_model *m, buf *joined, size_t left_len, uint32_t rank, tri_error *err)
{
    bpe_rule rule = {.rank = rank};
    size_t right_len = joined->len - left_len;
    size_t prefix_len = m->continuing_subword_prefix ? strlen(m->continuing_subword_prefix) : 0;
    TRI_TRY(resolve(m, joined->data, left_len, rank, &rule.left, err));
    TRI_TRY(resolve(m, joined->data + left_len, right_len, rank, &rule.right, err));
    if (prefix_len > right_len) return err_set(err, TRI_ERR_FORMAT, "merge %u: no continuing_subword_prefix", rank);
    memmove(joined->data + left_len, joined->data + left_len + prefix_len, right_len - prefix_len);
    TRI_TRY(resolve(m, joined->data, joined->len - prefix_len, rank, &rule.id, err));
    put_rule(m, rule);
    return TRI_OK;
}

/* A rule is "a b" or ["a", "b"]. */
static tri_status read_rule(json_stream *s, json_event event, buf *joined, size_t *left_len, tri_error *err)
{
    static const char shape[] = "a merge is neither \"a b\" nor [\"a\", \"b\"]";
    buf_clear(joined);
    if (event == JSON_EVENT_STRING) {
        const char *blank = memchr(s->text, ' ', s->len);
        if (!blank || memchr(blank + 1, ' ', s->len - (size_t)(blank + 1 - s->text))) return json_stream_error(s, err, shape);
        *left_len = (size_t)(blank - s->text);
        tri_status st = buf_append(joined, s->text, *left_len);
        if (!st) st = buf_append(joined, blank + 1, s->len - *left_len - 1);
        return st ? err_memory(err, s->len) : TRI_OK;
    }
    if (event != JSON_EVENT_ARRAY) return json_stream_error(s, err, shape);
    for (int i = 0; i < 2; i++) {
        TRI_TRY(json_stream_next(s, &event, err));
        if (event != JSON_EVENT_STRING) return json_stream_error(s, err, shape);
        if (buf_append(joined, s->text, s->len)) return err_memory(err, s->len);
        if (i == 0) *left_len = joined->len;
    }
    TRI_TRY(json_stream_next(s, &event, err));
    return event == JSON_EVENT_ARRAY_END ? TRI_OK : json_stream_error(s, err, shape);
}

static tri_status read_rules(token_model *m, json_stream *s, buf *joined, tri_error *err)
{
    json_event event;
    TRI_TRY(json_stream_next(s, &event, err));
    if (event != JSON_EVENT_ARRAY) return json_stream_error(s, err, "merges is not a list");
    for (uint32_t rank = 0;; rank++) {
        size_t left_len = 0;
        TRI_TRY(json_stream_next(s, &event, err));
        if (event == JSON_EVENT_ARRAY_END) return TRI_OK;
        TRI_TRY(read_rule(s, event, joined, &left_len, err));
        TRI_TRY(add_rule(m, joined, left_len, rank, err));
    }
}

/* Room for as many rules as the list can have: the shortest, "a b" and its comma, is six bytes. */
static tri_status make_rules(token_model *m, tri_error *err)
{
    size_t n = 16;
    while (n / 2 <= m->merges_len / 6 && n <= SIZE_MAX / 4) n *= 2;
    m->rules = mem_array(n, sizeof *m->rules);
    if (!m->rules) return err_memory(err, n * sizeof *m->rules);
    for (size_t i = 0; i < n; i++) m->rules[i].left = BPE_NOWHERE;
    m->rule_mask = n - 1;
    return TRI_OK;
}

static tri_status finish(token_model *m, uint64_t seed, tri_error *err)
{
    (void)seed;
    m->char_id = mem_array(BPE_CHARS, sizeof *m->char_id);
    if (!m->char_id) return err_memory(err, BPE_CHARS * sizeof *m->char_id);
    for (uint32_t cp = 0; cp < BPE_CHARS; cp++) {
        uint8_t utf8[4];
        if (!vocab_find(&m->vocab, utf8, utf8_put(utf8, cp), &m->char_id[cp])) m->char_id[cp] = TOKEN_NONE;
    }
    if (m->unk_token) vocab_find(&m->vocab, m->unk_token, strlen(m->unk_token), &m->unk_id);
    if (m->byte_fallback) token_model_find_byte_ids(m);
    TRI_TRY(make_rules(m, err));
    if (!m->merges) return TRI_OK;
    json_stream s;
    buf joined;
    json_stream_init(&s, m->merges, m->merges_len, "merges");
    buf_init(&joined, 0);
    tri_status st = read_rules(m, &s, &joined, err);
    buf_drop(&joined);
    json_stream_drop(&s);
    m->merges = NULL;
    return st;
}

/* ---- symbols ---- */

typedef struct symbols {
    bpe_symbol *v;
    size_t n;
} symbols;

static void add_symbol(symbols *s, uint32_t id)
{
    uint32_t here = (uint32_t)s->n++;
    s->v[here] = (bpe_symbol){id, here ? here - 1 : BPE_NOWHERE, BPE_NOWHERE, false};
    if (here) s->v[here - 1].next = here;
}

/* A character as the vocabulary has it: with the prefix inside a word, with the suffix at its end. A view of p or of `joined`.
 */
static tri_status decorate(const token_model *m, const uint8_t **p, size_t *n, bool first, bool last, buf *joined,
                           tri_error *err)
{
    const char *prefix = first ? NULL : m->continuing_subword_prefix, *suffix = last ? m->end_of_word_suffix : NULL;
    if (!(prefix && *prefix) && !(suffix && *suffix)) return TRI_OK;
    buf_clear(joined);
    tri_status st = prefix ? buf_str(joined, prefix) : TRI_OK;
    if (!st) st = buf_append(joined, *p, *n);
    if (!st && suffix) st = buf_str(joined, suffix);
    if (st) return err_memory(err, joined->len + *n);
    *p = joined->data;
    *n = joined->len;
    return TRI_OK;
}

static bool find_char(const token_model *m, const uint8_t *p, size_t n, uint32_t *id)
{
    uint32_t cp;
    if (n != utf8_walk(p, &cp) || cp >= BPE_CHARS) return vocab_find(&m->vocab, p, n, id);
    *id = m->char_id[cp];
    return *id != TOKEN_NONE;
}

/* The bytes of a character that is not there, prefix and suffix among them. */
static bool add_bytes(const token_model *m, symbols *s, const uint8_t *p, size_t n)
{
    if (!m->byte_fallback) return false;
    for (size_t i = 0; i < n; i++)
        if (m->byte_id[p[i]] == TOKEN_NONE) return false;
    for (size_t i = 0; i < n; i++) add_symbol(s, m->byte_id[p[i]]);
    return true;
}

/* An unk waits until a known character follows, so that neighbours can be fused into it. */
static tri_status split_chars(const token_model *m, const uint8_t *text, size_t len, token_model_work *w, symbols *s,
                              tri_error *err)
{
    bool unk_waits = false;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_len(text[at]);
        uint32_t id = 0;
        const uint8_t *p = text + at;
        size_t n_decorated = n;
        TRI_TRY(decorate(m, &p, &n_decorated, at == 0, at + n == len, &w->joined, err));
        if (find_char(m, p, n_decorated, &id)) {
            if (unk_waits) add_symbol(s, m->unk_id);
            unk_waits = false;
            add_symbol(s, id);
        } else if (!add_bytes(m, s, p, n_decorated) && m->unk_token) {
            if (m->unk_id == TOKEN_NONE)
                return err_set(err, TRI_ERR_ARGUMENT, "a character is not in the vocabulary, which has no unk token \"%s\"",
                               m->unk_token);
            if (unk_waits && !m->fuse_unk) add_symbol(s, m->unk_id);
            unk_waits = true;
        }
        at += n;
    }
    if (unk_waits) add_symbol(s, m->unk_id);
    return TRI_OK;
}

/* ---- the heap: lowest rank, then leftmost, on top ---- */

static bool before(bpe_merge a, bpe_merge b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void heap_push(bpe_merge *heap, size_t *n, bpe_merge item)
{
    size_t i = (*n)++;
    while (i > 0 && before(item, heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = item;
}

static bpe_merge heap_pop(bpe_merge *heap, size_t *n)
{
    bpe_merge top = heap[0], item = heap[--*n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < *n; i = child) {
        if (child + 1 < *n && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], item)) break;
        heap[i] = heap[child];
    }
    heap[i] = item;
    return top;
}

static void offer(const token_model *m, const symbols *s, uint32_t left, bpe_merge *heap, size_t *n_heap)
{
    if (left == BPE_NOWHERE || s->v[left].next == BPE_NOWHERE) return;
    const bpe_rule *rule = find_rule(m, s->v[left].id, s->v[s->v[left].next].id);
    if (rule) heap_push(heap, n_heap, (bpe_merge){rule->rank, left, rule->id});
}

static void merge_all(const token_model *m, symbols *s, bpe_merge *heap)
{
    size_t n_heap = 0;
    for (uint32_t i = 0; i + 1 < s->n; i++) offer(m, s, i, heap, &n_heap);
    while (n_heap) {
        bpe_merge top = heap_pop(heap, &n_heap);
        bpe_symbol *left = &s->v[top.at];
        if (left->gone || left->next == BPE_NOWHERE) continue;
        bpe_symbol *right = &s->v[left->next];
        const bpe_rule *rule = find_rule(m, left->id, right->id);
        if (!rule || rule->id != top.id) continue; /* one of the two has grown since */
        left->id = top.id;
        left->next = right->next;
        right->gone = true;
        if (left->next != BPE_NOWHERE) s->v[left->next].prev = top.at;
        offer(m, s, left->prev, heap, &n_heap);
        offer(m, s, top.at, heap, &n_heap);
    }
}

static tri_status encode(const token_model *m, const uint8_t *text, size_t len, token_model_work *w, u32_list *ids,
                         tri_error *err)
{
    uint32_t whole;
    if (m->ignore_merges && vocab_find(&m->vocab, text, len, &whole))
        return u32_list_push(ids, whole) ? TRI_OK : err_memory(err, sizeof whole);
    /* a character is one symbol, or its bytes, at most; the decorations of a word's characters may become bytes too */
    size_t decorations = (m->continuing_subword_prefix ? strlen(m->continuing_subword_prefix) : 0) +
                         (m->end_of_word_suffix ? strlen(m->end_of_word_suffix) : 0);
    size_t most = len, extra;
    if (!mul_size(len, m->byte_fallback ? decorations : 0, &extra) || !add_size(len, extra, &most) || most >= BPE_NOWHERE / 4)
        return err_set(err, TRI_ERR_LIMIT, "a word of %zu bytes", len);
    bpe_symbol *v = list_grow(w->symbols, &w->cap_symbols, most, sizeof *v);
    if (!v) return err_memory(err, most * sizeof *v);
    w->symbols = v;
    symbols s = {v, 0};
    TRI_TRY(split_chars(m, text, len, w, &s, err));
    /* n-1 candidates at the start, at most two more for each of at most n-1 joins */
    bpe_merge *heap = list_grow(w->heap, &w->cap_heap, 3 * s.n + 1, sizeof *heap);
    if (!heap) return err_memory(err, 3 * s.n * sizeof *heap);
    w->heap = heap;
    merge_all(m, &s, heap);
    if (!u32_list_reserve(ids, s.n)) return err_memory(err, s.n * sizeof *ids->v);
    for (size_t i = 0; i < s.n; i++)
        if (!s.v[i].gone) ids->v[ids->n++] = s.v[i].id;
    return TRI_OK;
}

const token_model_kind token_bpe = {"BPE", "bpe", finish, encode};

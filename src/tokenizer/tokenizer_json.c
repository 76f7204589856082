/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_json.c — Hugging Face's tokenizer.json.
 *
 * The file is streamed: only the vocabulary is big (250,002 pairs, 17 MB for XLM-R), and it goes straight into the arena. The
 * small members (normalizer, pre_tokenizer, post_processor, added_tokens) are cut out as text and read as trees. `truncation`
 * and `padding` are a user's last settings that were saved by accident (all-MiniLM-L6-v2 pads everything to 128): they are read
 * past, and so is `decoder`. Scores are read with the arithmetic of the reference's JSON reader, which rounds twice for 17
 * digits; a sum that is off by one in the last place can choose another token. */
#include "tokenizer/tokenizer_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/number.h"
#include "formats/json.h"
#include "formats/json_stream.h"

typedef struct slice {
    const char *bytes;
    size_t len;
} slice;

/* The members that are read as trees, until everything they need is known. */
typedef struct small_members {
    slice normalizer, pre_tokenizer, post_processor, added_tokens;
} small_members;

static tri_status wrong(const json_stream *s, const char *message, tri_error *err)
{
    return json_stream_error(s, err, message);
}

static bool is_key(const json_stream *s, const char *key)
{
    return s->len == strlen(key) && !memcmp(s->text, key, s->len);
}

/* ---- numbers ---- */

/* 10 to the n, correctly rounded; 0 <= n <= 308. */
static double power_of_ten(int n)
{
    char text[8];
    double value = 0;
    snprintf(text, sizeof text, "1e%d", n);
    return number_parse_f64(text, strlen(text), &value) ? value : 0;
}

/* Eight digits at once (Lemire's parse_eight_digits): a vocabulary has four million, and one at a time is a chain. */
static bool eight_digits(const char *p, uint64_t *value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t w;
    memcpy(&w, p, sizeof w);
    const uint64_t high = 0xF0F0F0F0F0F0F0F0u, threes = 0x3030303030303030u, sixes = 0x0606060606060606u;
    if ((w & high) != threes || ((w + sixes) & high) != threes) return false;
    w = (w & 0x0F0F0F0F0F0F0F0Fu) * 2561 >> 8;                 /* pairs */
    w = (w & 0x00FF00FF00FF00FFu) * 6553601 >> 16;             /* fours */
    *value = (w & 0x0000FFFF0000FFFFu) * 42949672960001u >> 32; /* eight */
    return true;
#else
    (void)p;
    (void)value;
    return false;
#endif
}

/* serde_json's way with a number whose digits fit 64 bits: the digits as a double, divided or multiplied by a power of ten. One
 * with more digits goes through the exact reader. */
static tri_status read_score(const json_stream *s, double *out, tri_error *err)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    const int n_tens = sizeof tens / sizeof tens[0], largest = 308; /* DBL_MAX_10_EXP */
    const char *p = s->text, *end = p + s->len;
    bool negative = *p == '-';
    uint64_t digits = 0, exponent = 0;
    p += negative;
    while (p < end && *p == '0') p++;
    const char *first = p, *point = NULL;
    for (; p < end && *p >= '0' && *p <= '9'; p++) digits = digits * 10 + (uint64_t)(*p - '0');
    size_t n_digits = (size_t)(p - first);
    if (p < end && *p == '.') {
        point = ++p;
        while (p < end && *p == '0' && !digits) p++; /* leading zeros are no digits of the 64 bits */
        uint64_t eight;
        for (first = p; end - p >= 8 && eight_digits(p, &eight); p += 8) digits = digits * 100000000 + eight;
        for (; p < end && *p >= '0' && *p <= '9'; p++) digits = digits * 10 + (uint64_t)(*p - '0');
        n_digits += (size_t)(p - first);
    }
    int power = !point ? 0 : p - point <= largest ? -(int)(p - point) : -largest - 1;
    bool small = n_digits <= 19; /* fewer than 2^64 */
    if (p < end && (*p | 0x20) == 'e') {
        bool down = *++p == '-';
        p += down || *p == '+';
        small = small && number_parse_u64(p, (size_t)(end - p), &exponent) && exponent <= (uint64_t)largest;
        power += small ? (down ? -(int)exponent : (int)exponent) : 0;
    }
    if (small && power >= -largest && power <= largest) {
        int n = power < 0 ? -power : power;
        double scale = n < n_tens ? tens[n] : power_of_ten(n), value = (double)digits;
        value = power < 0 ? value / scale : value * scale;
        *out = negative ? -value : value;
    } else if (!number_parse_f64(s->text, s->len, out)) {
        return wrong(s, "a score is out of range", err);
    }
    return isfinite(*out) ? TRI_OK : wrong(s, "a score is out of range", err);
}

static tri_status read_u32(json_stream *s, json_event event, uint32_t *out, tri_error *err)
{
    uint64_t v;
    if (event != JSON_EVENT_NUMBER || !number_parse_u64(s->text, s->len, &v) || v >= TOKEN_NONE)
        return wrong(s, "a token id was expected", err);
    *out = (uint32_t)v;
    return TRI_OK;
}

/* ---- the model ---- */

/* [["<s>", 0.0], ...] after its opening bracket */
static tri_status read_scored_vocab(json_stream *s, vocab *v, tri_error *err)
{
    static const char shape[] = "a vocabulary entry is not [piece, score]";
    vocab_drop(v);
    vocab_init(v, true);
    /* XLM-R's pretty-printed file takes 68 bytes an entry: one allocation for most files, a few for dense ones */
    TRI_TRY(vocab_expect(v, (size_t)(s->end - s->p) / 64 + 16, err));
    for (uint32_t id = 0;; id++) {
        json_event event;
        double score;
        TRI_TRY(json_stream_next(s, &event, err));
        if (event == JSON_EVENT_ARRAY_END) return TRI_OK;
        if (event != JSON_EVENT_ARRAY) return wrong(s, shape, err);
        TRI_TRY(json_stream_next(s, &event, err));
        if (event != JSON_EVENT_STRING) return wrong(s, shape, err);
        TRI_TRY(vocab_add(v, id, s->text, s->len, 0, err));
        TRI_TRY(json_stream_next(s, &event, err));
        if (event != JSON_EVENT_NUMBER) return wrong(s, shape, err);
        TRI_TRY(read_score(s, &score, err));
        v->scores[id] = score;
        TRI_TRY(json_stream_next(s, &event, err));
        if (event != JSON_EVENT_ARRAY_END) return wrong(s, shape, err);
    }
}

/* {"[PAD]": 0, ...} after its opening brace */
static tri_status read_named_vocab(json_stream *s, vocab *v, tri_error *err)
{
    vocab_drop(v);
    vocab_init(v, false);
    for (;;) {
        json_event event;
        uint32_t id = 0;
        TRI_TRY(json_stream_next(s, &event, err));
        if (event == JSON_EVENT_OBJECT_END) return TRI_OK;
        TRI_TRY(vocab_add(v, 0, s->text, s->len, 0, err));
        TRI_TRY(json_stream_next(s, &event, err));
        TRI_TRY(read_u32(s, event, &id, err));
        TRI_TRY(vocab_renumber_last(v, id, err));
    }
}

typedef struct model_members {
    const token_model_kind *kind; /* NULL = to be inferred */
    bool is_list, is_map, has_merges, dropout;
} model_members;

static tri_status read_string_or_null(json_stream *s, json_event event, char **out, tri_error *err)
{
    mem_free(*out);
    *out = NULL;
    if (event == JSON_EVENT_NULL) return TRI_OK;
    if (event != JSON_EVENT_STRING) return wrong(s, "a string was expected", err);
    *out = mem_copy(s->text, s->len);
    return *out ? TRI_OK : err_memory(err, s->len);
}

static tri_status read_bool(json_stream *s, json_event event, bool *out, tri_error *err)
{
    if (event != JSON_EVENT_TRUE && event != JSON_EVENT_FALSE && event != JSON_EVENT_NULL)
        return wrong(s, "true or false was expected", err);
    *out = event == JSON_EVENT_TRUE;
    return TRI_OK;
}

static tri_status read_type(json_stream *s, json_event event, model_members *members, tri_error *err)
{
    if (event == JSON_EVENT_NULL) return TRI_OK;
    if (event != JSON_EVENT_STRING) return wrong(s, "the model's type is not a string", err);
    members->kind = token_model_find(s->text, s->len);
    if (members->kind) return TRI_OK;
    return err_set(err, TRI_ERR_UNSUPPORTED, "model of type \"%.*s\" is not supported", (int)(s->len > 80 ? 80 : s->len),
                   s->text);
}

static tri_status read_dropout(json_stream *s, json_event event, model_members *members, tri_error *err)
{
    double p = 0;
    if (event != JSON_EVENT_NULL && (event != JSON_EVENT_NUMBER || !number_parse_f64(s->text, s->len, &p)))
        return wrong(s, "dropout is not a number", err);
    members->dropout = p > 0;
    return TRI_OK;
}

/* A member whose value is one event; *known = false when the key is none of ours. */
static tri_status read_scalar(json_stream *s, const char *key, json_event event, token_model *m, model_members *members,
                              bool *known, tri_error *err)
{
    struct {
        const char *key;
        bool *value;
    } flags[] = {{"byte_fallback", &m->byte_fallback}, {"fuse_unk", &m->fuse_unk}, {"ignore_merges", &m->ignore_merges}};
    struct {
        const char *key;
        char **value;
    } strings[] = {{"unk_token", &m->unk_token},
                   {"continuing_subword_prefix", &m->continuing_subword_prefix},
                   {"end_of_word_suffix", &m->end_of_word_suffix}};
    *known = true;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (!strcmp(flags[i].key, key)) return read_bool(s, event, flags[i].value, err);
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        if (!strcmp(strings[i].key, key)) return read_string_or_null(s, event, strings[i].value, err);
    if (!strcmp(key, "type")) return read_type(s, event, members, err);
    if (!strcmp(key, "dropout")) return read_dropout(s, event, members, err);
    if (!strcmp(key, "unk_id")) return event == JSON_EVENT_NULL ? TRI_OK : read_u32(s, event, &m->unk_id, err);
    if (!strcmp(key, "max_input_chars_per_word")) {
        uint32_t n = 0;
        TRI_TRY(read_u32(s, event, &n, err));
        m->max_word_chars = n;
        return TRI_OK;
    }
    *known = false;
    return TRI_OK;
}

static tri_status read_vocab(json_stream *s, token_model *m, model_members *members, tri_error *err)
{
    json_event event;
    TRI_TRY(json_stream_next(s, &event, err));
    members->is_list = event == JSON_EVENT_ARRAY;
    members->is_map = event == JSON_EVENT_OBJECT;
    if (members->is_list) return read_scored_vocab(s, &m->vocab, err);
    if (members->is_map) return read_named_vocab(s, &m->vocab, err);
    return wrong(s, "vocab is neither a list nor an object", err);
}

/* After the value of an unknown member began with `event`: reads to its end. */
static tri_status skip_rest(json_stream *s, json_event event, tri_error *err)
{
    if (event != JSON_EVENT_OBJECT && event != JSON_EVENT_ARRAY) return TRI_OK;
    for (unsigned depth = s->depth; s->depth >= depth;) TRI_TRY(json_stream_next(s, &event, err));
    return TRI_OK;
}

static tri_status read_members(json_stream *s, token_model *m, model_members *members, tri_error *err)
{
    for (;;) {
        json_event event;
        char key[32];
        bool known;
        TRI_TRY(json_stream_next(s, &event, err));
        if (event == JSON_EVENT_OBJECT_END) return TRI_OK;
        if (is_key(s, "vocab")) {
            TRI_TRY(read_vocab(s, m, members, err));
            continue;
        }
        if (is_key(s, "merges")) {
            TRI_TRY(json_stream_slice(s, &m->merges, &m->merges_len, err));
            members->has_merges = true;
            continue;
        }
        size_t len = s->len < sizeof key ? s->len : 0;
        memcpy(key, s->text, len);
        key[len] = 0;
        TRI_TRY(json_stream_next(s, &event, err));
        TRI_TRY(read_scalar(s, key, event, m, members, &known, err));
        if (!known) TRI_TRY(skip_rest(s, event, err));
    }
}

/* A file without model.type tells it by its shape. */
static tri_status choose_kind(token_model *m, const model_members *members, tri_error *err)
{
    const token_model_kind *by_shape = members->is_list ? &token_unigram : members->has_merges ? &token_bpe : &token_wordpiece;
    m->kind = members->kind ? members->kind : by_shape;
    if (!members->is_list && !members->is_map) return err_set(err, TRI_ERR_FORMAT, "the model has no vocab");
    if ((m->kind == &token_unigram) != members->is_list)
        return err_set(err, TRI_ERR_FORMAT, "the vocab of a %s model is %s", m->kind->type,
                       members->is_list ? "a list" : "an object");
    if (m->kind == &token_bpe && !members->has_merges) return err_set(err, TRI_ERR_FORMAT, "the BPE model has no merges");
    if (members->dropout) return err_set(err, TRI_ERR_UNSUPPORTED, "BPE dropout is not supported: it gives random tokens");
    return m->kind == &token_wordpiece ? token_wordpiece_defaults(m, err) : TRI_OK;
}

static tri_status read_model(json_stream *s, token_model *m, tri_error *err)
{
    model_members members = {0};
    json_event event;
    TRI_TRY(json_stream_next(s, &event, err));
    if (event != JSON_EVENT_OBJECT) return wrong(s, "the model is not an object", err);
    if (m->kind) return wrong(s, "a second model", err);
    TRI_TRY(read_members(s, m, &members, err));
    return choose_kind(m, &members, err);
}

/* ---- the rest ---- */

static tri_status load_tree(const slice *text, const char *what, json_t **out, tri_error *err)
{
    *out = NULL;
    static const char null_text[] = "null";
    if (!text->bytes || (text->len == 4 && !memcmp(text->bytes, null_text, 4))) return TRI_OK;
    return json_text_load(text->bytes, text->len, what, out, err);
}

static tri_status read_small(tokenizer *t, const small_members *small, tri_error *err)
{
    json_t *json;
    TRI_TRY(load_tree(&small->normalizer, "normalizer", &json, err));
    tri_status st = normalizer_parse(json, &t->normalizer, err);
    json_decref(json);
    TRI_TRY(st);
    TRI_TRY(load_tree(&small->pre_tokenizer, "pre_tokenizer", &json, err));
    st = pretok_parse(json, &t->pretok, err);
    json_decref(json);
    TRI_TRY(st);
    TRI_TRY(load_tree(&small->post_processor, "post_processor", &json, err));
    st = template_parse(&t->template, json, err);
    json_decref(json);
    TRI_TRY(st);
    TRI_TRY(load_tree(&small->added_tokens, "added_tokens", &json, err));
    st = added_tokens_parse(&t->added, json, err);
    json_decref(json);
    return st;
}

static tri_status read_top(json_stream *s, tokenizer *t, small_members *small, tri_error *err)
{
    json_event event;
    TRI_TRY(json_stream_next(s, &event, err));
    if (event != JSON_EVENT_OBJECT) return wrong(s, "not an object", err);
    for (;;) {
        TRI_TRY(json_stream_next(s, &event, err));
        if (event == JSON_EVENT_OBJECT_END) break;
        slice passed_over, *where = is_key(s, "normalizer")       ? &small->normalizer
                                    : is_key(s, "pre_tokenizer")  ? &small->pre_tokenizer
                                    : is_key(s, "post_processor") ? &small->post_processor
                                    : is_key(s, "added_tokens")   ? &small->added_tokens
                                                                  : &passed_over;
        if (is_key(s, "model"))
            TRI_TRY(read_model(s, &t->model, err));
        else
            TRI_TRY(json_stream_slice(s, &where->bytes, &where->len, err));
    }
    TRI_TRY(json_stream_next(s, &event, err));
    if (!t->model.kind) return err_set(err, TRI_ERR_FORMAT, "%s has no model", s->what);
    return TRI_OK;
}

tri_status tokenizer_json_load(tokenizer *t, const uint8_t *bytes, size_t len, tri_error *err)
{
    small_members small = {0};
    json_stream s;
    json_stream_init(&s, bytes, len, "tokenizer.json");
    tri_status st = read_top(&s, t, &small, err);
    json_stream_drop(&s);
    return st ? st : read_small(t, &small, err);
}

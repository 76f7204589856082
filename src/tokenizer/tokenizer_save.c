/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_save.c — a tokenizer.json out of a loaded tokenizer that came from something else.
 *
 * Only what those loaders make can be met here: BertNormalizer, or Precompiled, Strip(right) and Replace(" {2,}"); the BERT
 * pre-tokenizer or Metaspace; WordPiece or Unigram; templates of special tokens. Scores are f32 in the source: each is printed
 * as
 * the shortest decimal of its double, so that sums come out as in the original. */
#include "tokenizer/tokenizer_save.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/number.h"
#include "formats/base64.h"
#include "formats/gguf.h"
#include "tokenizer/tokenizer_int.h"

bool tokenizer_token(const tokenizer *t, uint32_t id, token_facts *out)
{
    const added_token *a = added_tokens_at(&t->added, id);
    const vocab_entry *e = vocab_at(&t->model.vocab, id);
    if (!a && !e) return false;
    *out = (token_facts){.piece = a ? a->content : (const char *)e->piece,
                         .len = a ? a->len : e->len,
                         .score = e && t->model.vocab.scores ? t->model.vocab.scores[e - t->model.vocab.entries] : 0,
                         .added = a != NULL,
                         .special = a && a->special};
    return true;
}

static const normalizer_step *find_step(const tokenizer *t, const char *type)
{
    for (size_t i = 0; i < t->normalizer.n; i++)
        if (!strcmp(t->normalizer.steps[i].kind->type, type)) return &t->normalizer.steps[i];
    return NULL;
}

tri_status tokenizer_save_charsmap(const tokenizer *t, buf *out, tri_error *err)
{
    const normalizer_step *step = find_step(t, "Precompiled");
    return step && charsmap_write(step->map, out) ? err_memory(err, out->len) : TRI_OK;
}

bool tokenizer_bert_cleaning(const tokenizer *t, bool *lowercase, bool *strip_accents)
{
    const normalizer_step *step = find_step(t, "BertNormalizer");
    if (!step) return false;
    *lowercase = step->bert.lowercase;
    *strip_accents = step->bert.strip_accents;
    return true;
}

/* ---- text ------------------------------------------------------------------------------------------------------------ */

static tri_status put_string(buf *b, const char *text, size_t len)
{
    TRI_TRY(buf_byte(b, '"'));
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') TRI_TRY(buf_byte(b, '\\'));
        TRI_TRY(c < 0x20 ? buf_printf(b, "\\u%04x", c) : buf_byte(b, c));
    }
    return buf_byte(b, '"');
}

static const char *word(bool b)
{
    return b ? "true" : "false";
}

static tri_status put_added(buf *b, const tokenizer *t)
{
    TRI_TRY(buf_str(b, "\"added_tokens\":["));
    for (size_t i = 0; i < t->added.n; i++) {
        const added_token *a = &t->added.v[i];
        TRI_TRY(buf_printf(b, "%s{\"id\":%u,\"content\":", i ? ",\n" : "\n", a->id));
        TRI_TRY(put_string(b, a->content, a->len));
        TRI_TRY(buf_printf(b, ",\"single_word\":%s,\"lstrip\":%s,\"rstrip\":%s,\"normalized\":%s,\"special\":%s}",
                           word(a->single_word), word(a->lstrip), word(a->rstrip), word(a->normalized), word(a->special)));
    }
    return buf_str(b, "],\n");
}

static tri_status put_charsmap(buf *b, const charsmap *map)
{
    buf blob;
    buf_init(&blob, 0);
    tri_status st = charsmap_write(map, &blob);
    if (!st) st = buf_str(b, "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"");
    if (!st) st = base64_encode(blob.data, blob.len, b);
    if (!st) st = buf_str(b, "\"}");
    buf_drop(&blob);
    return st;
}

static tri_status put_step(buf *b, const normalizer_step *s)
{
    if (s->map) return put_charsmap(b, s->map);
    if (!strcmp(s->kind->type, "BertNormalizer"))
        return buf_printf(b,
                          "{\"type\":\"BertNormalizer\",\"clean_text\":%s,\"handle_chinese_chars\":%s,\"strip_accents\":%s,"
                          "\"lowercase\":%s}",
                          word(s->bert.clean_text), word(s->bert.handle_chinese_chars), word(s->bert.strip_accents),
                          word(s->bert.lowercase));
    if (!strcmp(s->kind->type, "Strip"))
        return buf_printf(b, "{\"type\":\"Strip\",\"strip_left\":%s,\"strip_right\":%s}", word(s->left), word(s->right));
    if (strcmp(s->kind->type, "Replace") != 0 || !s->min_spaces) return TRI_ERR_UNSUPPORTED;
    TRI_TRY(buf_printf(b, "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {%zu,}\"},\"content\":", s->min_spaces));
    TRI_TRY(put_string(b, s->content, s->content_len));
    return buf_byte(b, '}');
}

static tri_status put_normalizer(buf *b, const tokenizer *t)
{
    TRI_TRY(buf_str(b, "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["));
    for (size_t i = 0; i < t->normalizer.n; i++) {
        if (i) TRI_TRY(buf_byte(b, ','));
        TRI_TRY(put_step(b, &t->normalizer.steps[i]));
    }
    return buf_str(b, "]},\n");
}

static const char metaspace[] =
    "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":true}";

static tri_status put_pretok(buf *b, const tokenizer *t)
{
    bool split = t->pretok.n == 2;
    if (!t->pretok.n) return TRI_ERR_UNSUPPORTED;
    if (!strcmp(t->pretok.stages[0].kind->type, "BertPreTokenizer"))
        return buf_str(b, "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\n\"decoder\":{\"type\":\"WordPiece\","
                          "\"prefix\":\"##\",\"cleanup\":true},\n");
    if (strcmp(t->pretok.stages[t->pretok.n - 1].kind->type, "Metaspace") != 0) return TRI_ERR_UNSUPPORTED;
    return buf_printf(b, "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[%s%s]},\n\"decoder\":%s,\n",
                      split ? "{\"type\":\"WhitespaceSplit\"}," : "", metaspace, metaspace);
}

/* ---- template -------------------------------------------------------------------------------------------------------- */

static tri_status put_parts(buf *b, const tokenizer *t, const template_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const template_part *p = &list->parts[i];
        const char *piece = p->kind == PART_A ? "A" : "B";
        size_t len = 1;
        if (p->kind == PART_SPECIAL && !tokenizer_piece(t, p->id, &piece, &len)) return TRI_ERR_FORMAT;
        TRI_TRY(buf_printf(b, "%s{\"%s\":{\"id\":", i ? "," : "", p->kind == PART_SPECIAL ? "SpecialToken" : "Sequence"));
        TRI_TRY(put_string(b, piece, len));
        TRI_TRY(buf_printf(b, ",\"type_id\":%u}}", p->type_id));
    }
    return TRI_OK;
}

static bool seen_before(const template_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (list->parts[k].kind == PART_SPECIAL && list->parts[k].id == list->parts[i].id) return true;
    return false;
}

static tri_status put_specials(buf *b, const tokenizer *t, const template_list *list)
{
    bool first = true;
    for (size_t i = 0; i < list->n; i++) {
        const char *piece;
        size_t len;
        if (list->parts[i].kind != PART_SPECIAL || seen_before(list, i)) continue;
        if (!tokenizer_piece(t, list->parts[i].id, &piece, &len)) return TRI_ERR_FORMAT;
        if (!first) TRI_TRY(buf_byte(b, ','));
        first = false;
        TRI_TRY(put_string(b, piece, len));
        TRI_TRY(buf_str(b, ":{\"id\":"));
        TRI_TRY(put_string(b, piece, len));
        TRI_TRY(buf_printf(b, ",\"ids\":[%u],\"tokens\":[", list->parts[i].id));
        TRI_TRY(put_string(b, piece, len));
        TRI_TRY(buf_str(b, "]}"));
    }
    return TRI_OK;
}

static tri_status put_template(buf *b, const tokenizer *t)
{
    TRI_TRY(buf_str(b, "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["));
    TRI_TRY(put_parts(b, t, &t->template.single));
    TRI_TRY(buf_str(b, "],\"pair\":["));
    TRI_TRY(put_parts(b, t, &t->template.pair));
    TRI_TRY(buf_str(b, "],\"special_tokens\":{"));
    TRI_TRY(put_specials(b, t, &t->template.pair));
    return buf_str(b, "}},\n");
}

/* ---- model ----------------------------------------------------------------------------------------------------------- */

static tri_status put_unigram(buf *b, const tokenizer *t)
{
    const vocab *v = &t->model.vocab;
    TRI_TRY(buf_printf(b, "\"model\":{\"type\":\"Unigram\",\"unk_id\":%u,\"vocab\":[", t->model.unk_id));
    for (size_t i = 0; i < v->n; i++) {
        char score[32];
        number_format_f64(score, sizeof score, v->scores[i]);
        TRI_TRY(buf_str(b, i ? ",\n[" : "\n["));
        TRI_TRY(put_string(b, (const char *)v->entries[i].piece, v->entries[i].len));
        bool whole = !strpbrk(score, ".e"); /* llama.cpp's converter wants floats, all of them */
        TRI_TRY(buf_printf(b, ",%s%s]", score, whole ? ".0" : ""));
    }
    return buf_str(b, "],\"byte_fallback\":false}}\n");
}

static tri_status put_wordpiece(buf *b, const tokenizer *t)
{
    const vocab *v = &t->model.vocab;
    TRI_TRY(buf_str(b, "\"model\":{\"type\":\"WordPiece\",\"unk_token\":"));
    TRI_TRY(put_string(b, t->model.unk_token, strlen(t->model.unk_token)));
    TRI_TRY(buf_printf(b, ",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":%zu,\"vocab\":{",
                       t->model.max_word_chars));
    for (size_t i = 0; i < v->n; i++) {
        TRI_TRY(buf_str(b, i ? ",\n" : "\n"));
        TRI_TRY(put_string(b, (const char *)v->entries[i].piece, v->entries[i].len));
        TRI_TRY(buf_printf(b, ":%u", v->entries[i].id));
    }
    return buf_str(b, "}}}\n");
}

static tri_status put_all(buf *b, const tokenizer *t)
{
    if (t->model.kind != &token_unigram && t->model.kind != &token_wordpiece) return TRI_ERR_UNSUPPORTED;
    TRI_TRY(buf_str(b, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\n"));
    TRI_TRY(put_added(b, t));
    TRI_TRY(put_normalizer(b, t));
    TRI_TRY(put_pretok(b, t));
    TRI_TRY(put_template(b, t));
    return t->model.kind == &token_unigram ? put_unigram(b, t) : put_wordpiece(b, t);
}

/* ---- the file's own -------------------------------------------------------------------------------------------------- */

/* Of a GGUF file the JSON that it holds, if it does; appended. */
static tri_status copy_from_gguf(const char *path, buf *out, tri_error *err)
{
    mapped_file map;
    gguf g;
    tri_text own = {NULL, 0};
    TRI_TRY(mapped_file_open(path, &map, err));
    tri_status st = gguf_read(map.data, map.len, &g, err);
    if (!st) st = gguf_get_text(&g, "tokenizer.huggingface.json", &own, err);
    if (!st && own.len && buf_append(out, own.bytes, own.len)) st = err_memory(err, own.len);
    gguf_drop(&g);
    mapped_file_close(&map);
    return st;
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), n_tail = strlen(tail);
    return n >= n_tail && !strcmp(s + n - n_tail, tail);
}

tri_status tokenizer_save_pipeline(const tokenizer *t, buf *out, tri_error *err)
{
    tri_status st = put_all(out, t);
    if (st == TRI_ERR_FORMAT) return err_set(err, st, "could not write a tokenizer: its template names an id without a token");
    if (st == TRI_ERR_UNSUPPORTED) return err_set(err, st, "could not write a tokenizer: it has steps that only its file says");
    return st ? err_memory(err, out->len) : TRI_OK;
}

tri_status tokenizer_save_json(const tokenizer *t, buf *out, tri_error *err)
{
    size_t before = out->len;
    if (ends_with(t->file, ".json")) return file_read_all(t->file, LIMIT_TOKENIZER_FILE, out, err);
    if (!ends_with(t->file, ".txt") && !ends_with(t->file, ".model")) TRI_TRY(copy_from_gguf(t->file, out, err));
    return out->len > before ? TRI_OK : tokenizer_save_pipeline(t, out, err);
}

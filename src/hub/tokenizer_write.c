/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer_write.c — a tokenizer.json for an XLM-R vocabulary, in the shape HF publishes with the e5 models.
 *
 *   added tokens    five specials, none normalised, "<mask>" eats the white space to its left
 *   normalizer      Precompiled(charsmap in base64)
 *   pre-tokenizer   WhitespaceSplit, then Metaspace(U+2581, always)
 *   model           Unigram(unk 3) of [piece, score]
 *   template        <s> A </s>   and   <s> A </s> </s> B </s>, all of type 0
 *
 * Scores are f32 in the source and doubles in the reader: each is printed as the shortest decimal of the *double* of that f32,
 * so that sums of scores, and with them the choice between two equally good cuts, come out as in the original. */
#include "hub/tokenizer_write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "base/utf8.h"

static const char *const FIRST_PIECES[] = {"<s>", "<pad>", "</s>", "<unk>"};
enum { N_FIRST = 4, PIECE_MAX = 4096 };

#define METASPACE "{\"type\":\"Metaspace\",\"replacement\":\"\xE2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":true}"
#define SPECIAL(name) "{\"SpecialToken\":{\"id\":\"" name "\",\"type_id\":0}}"
#define SEQUENCE(name) "{\"Sequence\":{\"id\":\"" name "\",\"type_id\":0}}"

static const char PIPELINE[] =
    "\"},\n\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}," METASPACE "]},\n"
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[" SPECIAL("<s>") "," SEQUENCE("A") "," SPECIAL(
        "</s>") "],"
                "\"pair\":[" SPECIAL("<s>") "," SEQUENCE("A") "," SPECIAL("</s>") "," SPECIAL("</s>") "," SEQUENCE(
                    "B") "," SPECIAL("</s>") "],"
                                             "\"special_tokens\":{\"</s>\":{\"id\":\"</s>\",\"ids\":[2],\"tokens\":[\"</s>\"]},"
                                             "\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}},\n"
                                             "\"decoder\":" METASPACE ",\n"
                                             "\"model\":{\"type\":\"Unigram\",\"unk_id\":3,\"vocab\":[\n";

static tri_status write_str(out_file *f, const char *s, tri_error *err)
{
    return out_file_write(f, s, strlen(s), err);
}

static bool piece_is(const tokenizer_source *s, size_t i, const char *expected)
{
    float score;
    tri_text piece = s->piece(s->ctx, i, &score);
    return piece.len == strlen(expected) && memcmp(piece.bytes, expected, piece.len) == 0;
}

static tri_status check_specials(const tokenizer_source *s, tri_error *err)
{
    if (s->n_pieces <= N_FIRST) return err_set(err, TRI_ERR_FORMAT, "vocabulary has only %zu pieces", s->n_pieces);
    for (size_t i = 0; i < N_FIRST; i++)
        if (!piece_is(s, i, FIRST_PIECES[i]))
            return err_set(err, TRI_ERR_FORMAT, "piece %zu of the vocabulary is not \"%s\"", i, FIRST_PIECES[i]);
    if (!piece_is(s, s->n_pieces - 1, "<mask>"))
        return err_set(err, TRI_ERR_FORMAT, "the last piece of the vocabulary is not \"<mask>\"");
    return TRI_OK;
}

static tri_status write_added(out_file *f, size_t id, const char *content, bool lstrip, tri_error *err)
{
    char line[256];
    snprintf(line, sizeof line,
             "%s{\"id\":%zu,\"content\":\"%s\",\"single_word\":false,\"lstrip\":%s,\"rstrip\":false,\"normalized\":false,"
             "\"special\":true}",
             id ? ",\n" : "\n", id, content, lstrip ? "true" : "false");
    return write_str(f, line, err);
}

static tri_status write_head(out_file *f, const tokenizer_source *s, tri_error *err)
{
    TRI_TRY(write_str(f, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\n\"added_tokens\":[", err));
    for (size_t i = 0; i < N_FIRST; i++) TRI_TRY(write_added(f, i, FIRST_PIECES[i], false, err));
    TRI_TRY(write_added(f, s->n_pieces - 1, "<mask>", true, err));
    return write_str(f, "],\n\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"", err);
}

static tri_status write_base64(out_file *f, const uint8_t *p, size_t len, tri_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '='};
        TRI_TRY(out_file_write(f, four, sizeof four, err));
    }
    return TRI_OK;
}

/* The piece between its quotes, escaped as JSON asks; at most 6 bytes a byte. */
static size_t escape(char *out, tri_text piece)
{
    size_t n = 0;
    for (size_t i = 0; i < piece.len; i++) {
        unsigned char c = (unsigned char)piece.bytes[i];
        if (c == '"' || c == '\\') out[n++] = '\\';
        if (c < 0x20)
            n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
        else
            out[n++] = (char)c;
    }
    return n;
}

static tri_status write_piece(out_file *f, const tokenizer_source *s, size_t i, tri_error *err)
{
    char line[6 * PIECE_MAX + 64];
    float score;
    tri_text piece = s->piece(s->ctx, i, &score);
    if (piece.len > PIECE_MAX || utf8_count_bad((const uint8_t *)piece.bytes, piece.len) != 0 || !isfinite(score))
        return err_set(err, TRI_ERR_FORMAT, "piece %zu of the vocabulary (%zu bytes) is not valid text with a finite score", i,
                       piece.len);
    size_t n = 0;
    if (i) line[n++] = ',', line[n++] = '\n';
    line[n++] = '[', line[n++] = '"';
    n += escape(line + n, piece);
    line[n++] = '"', line[n++] = ',';
    size_t digits = number_format_f64(line + n, sizeof line - n, (double)score);
    bool whole = strspn(line + n, "-0123456789") >= digits; /* llama.cpp's converter wants floats, all of them */
    n += digits;
    if (whole) line[n++] = '.', line[n++] = '0';
    line[n++] = ']';
    return out_file_write(f, line, n, err);
}

static tri_status write_all(out_file *f, const tokenizer_source *s, tri_error *err)
{
    TRI_TRY(write_head(f, s, err));
    TRI_TRY(write_base64(f, s->charsmap, s->charsmap_len, err));
    TRI_TRY(write_str(f, PIPELINE, err));
    for (size_t i = 0; i < s->n_pieces; i++) TRI_TRY(write_piece(f, s, i, err));
    return write_str(f, "\n],\"byte_fallback\":false}}\n", err);
}

tri_status tokenizer_write_xlmr(const char *path, const tokenizer_source *source, tri_error *err)
{
    out_file *f = NULL;
    TRI_TRY(check_specials(source, err));
    TRI_TRY(out_file_open(path, &f, err));
    tri_status st = write_all(f, source, err);
    if (st) {
        out_file_discard(f);
        return st;
    }
    return out_file_commit(f, err);
}

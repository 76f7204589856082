/* SPDX-License-Identifier: Apache-2.0 */
/* spm_model.c — protobuf wire format, the part of it that SentencePiece uses.
 *
 *   field = varint key (number << 3 | wire type) then: 0 varint, 1 eight bytes, 2 varint length and bytes, 5 four bytes
 * Two passes over the top level: the first counts pieces, the second fills them. Groups (wire types 3 and 4) do not occur and
 * are refused. Submessages are read from their own bytes, two levels deep, without recursion. */
#include "formats/spm_model.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/utf8.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct reader {
    const uint8_t *p, *end;
    const uint8_t *start; /* of the file, for messages */
    const char *what;
} reader;

typedef struct field {
    uint64_t number;
    int wire;
    uint64_t value;       /* VARINT, WIRE_32 */
    const uint8_t *bytes; /* WIRE_BYTES */
    size_t len;
} field;

static tri_status damaged(const reader *r, tri_error *err)
{
    return err_set(err, TRI_ERR_FORMAT, "%s: not a sentencepiece model: damaged at byte %zu", r->what,
                   (size_t)(r->p - r->start));
}

static bool read_varint(reader *r, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        uint8_t b = *r->p++;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool take_bytes(reader *r, uint64_t len, field *f)
{
    if (len > (uint64_t)(r->end - r->p)) return false;
    f->bytes = r->p;
    f->len = (size_t)len;
    r->p += len;
    return true;
}

static tri_status read_field(reader *r, field *f, tri_error *err)
{
    uint64_t key, len = 0;
    *f = (field){0};
    bool ok = read_varint(r, &key);
    if (ok) {
        f->number = key >> 3;
        f->wire = (int)(key & 7);
        ok = f->number > 0;
    }
    if (ok && f->wire == WIRE_VARINT)
        ok = read_varint(r, &f->value);
    else if (ok && f->wire == WIRE_BYTES)
        ok = read_varint(r, &len) && take_bytes(r, len, f);
    else if (ok && f->wire == WIRE_32) {
        ok = take_bytes(r, 4, f);
        if (ok) f->value = f->bytes[0] | (uint64_t)f->bytes[1] << 8 | (uint64_t)f->bytes[2] << 16 | (uint64_t)f->bytes[3] << 24;
    } else if (ok)
        ok = f->wire == WIRE_64 && take_bytes(r, 8, f);
    return ok ? TRI_OK : damaged(r, err);
}

static reader inside(const reader *r, const field *f)
{
    return (reader){f->bytes, f->bytes + f->len, r->start, r->what};
}

static tri_status read_piece(reader r, spm_piece *piece, tri_error *err)
{
    *piece = (spm_piece){"", 0, 0, SPM_NORMAL};
    while (r.p < r.end) {
        field f;
        TRI_TRY(read_field(&r, &f, err));
        if (f.number == 1 && f.wire == WIRE_BYTES) {
            if (f.len > UINT32_MAX || utf8_count_bad(f.bytes, f.len)) return damaged(&r, err);
            piece->text = (const char *)f.bytes;
            piece->len = (uint32_t)f.len;
        } else if (f.number == 2 && f.wire == WIRE_32) {
            uint32_t bits = (uint32_t)f.value;
            memcpy(&piece->score, &bits, sizeof bits);
        } else if (f.number == 3 && f.wire == WIRE_VARINT) {
            if (f.value < SPM_NORMAL || f.value > SPM_BYTE) return damaged(&r, err);
            piece->type = (int)f.value;
        }
    }
    if (!(piece->score - piece->score == 0)) return damaged(&r, err); /* infinite or not a number */
    return TRI_OK;
}

static tri_status read_trainer(reader r, spm_model *m, tri_error *err)
{
    while (r.p < r.end) {
        field f;
        TRI_TRY(read_field(&r, &f, err));
        if (f.wire != WIRE_VARINT) continue;
        if (f.number == 3) m->model_type = f.value <= 4 ? (int)f.value : 0;
        if (f.number == 35) m->byte_fallback = f.value != 0;
        if (f.number == 40) m->unk_id = f.value;
    }
    return TRI_OK;
}

static tri_status read_normalizer(reader r, spm_model *m, tri_error *err)
{
    while (r.p < r.end) {
        field f;
        TRI_TRY(read_field(&r, &f, err));
        if (f.number != 2 || f.wire != WIRE_BYTES) continue;
        m->charsmap = f.len ? f.bytes : NULL;
        m->charsmap_len = f.len;
    }
    return TRI_OK;
}

static tri_status read_top(reader r, spm_model *m, size_t n_pieces, tri_error *err)
{
    m->pieces = mem_array(n_pieces ? n_pieces : 1, sizeof *m->pieces);
    if (!m->pieces) return err_memory(err, n_pieces * sizeof *m->pieces);
    while (r.p < r.end) {
        field f;
        TRI_TRY(read_field(&r, &f, err));
        if (f.wire != WIRE_BYTES) continue;
        if (f.number == 1) TRI_TRY(read_piece(inside(&r, &f), &m->pieces[m->n_pieces++], err));
        if (f.number == 2) TRI_TRY(read_trainer(inside(&r, &f), m, err));
        if (f.number == 3) TRI_TRY(read_normalizer(inside(&r, &f), m, err));
    }
    return TRI_OK;
}

tri_status spm_model_parse(const uint8_t *bytes, size_t len, const char *what, spm_model *out, tri_error *err)
{
    reader whole = {bytes, bytes + len, bytes, what};
    size_t n_pieces = 0;
    for (reader r = whole; r.p < r.end;) {
        field f;
        TRI_TRY(read_field(&r, &f, err));
        n_pieces += f.number == 1 && f.wire == WIRE_BYTES;
    }
    if (n_pieces > LIMIT_VOCAB)
        return err_set(err, TRI_ERR_LIMIT, "%s: %zu pieces, over the limit of %u", what, n_pieces, LIMIT_VOCAB);
    spm_model m = {.model_type = SPM_UNIGRAM}; /* the format's default */
    tri_status st = read_top(whole, &m, n_pieces, err);
    if (st)
        spm_model_drop(&m);
    else
        *out = m;
    return st;
}

void spm_model_drop(spm_model *m)
{
    mem_free(m->pieces);
    memset(m, 0, sizeof *m);
}

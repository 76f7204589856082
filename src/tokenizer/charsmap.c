/* SPDX-License-Identifier: Apache-2.0 */
/* charsmap.c — clusters, look-ups, and the fast lane around them.
 *
 * Nearly all text consists of characters that form no cluster with their neighbours and have no entry in the map. `inert` marks
 * them for the BMP, once at loading; runs of them are copied. Only at a character that is not inert does the cluster machine
 * start, one character back, because a mark joins the letter before it. Boundaries of clusters are restart points, so this
 * gives exactly the clusters of a full pass. Linear: a character is decoded at most three times. The replacement of U+FDFA is
 * 18 characters long: the output may grow elevenfold, and is reserved as it grows. */
#include "tokenizer/charsmap.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/utf8.h"
#include "tokenizer/grapheme.h"
#include "tokenizer/utf8_walk.h"

enum { WHOLE_CLUSTER_BYTES = 6 }; /* clusters under this are looked up whole; the reference's constant */
enum { BMP = 0x10000 };

struct charsmap {
    const uint32_t *units;
    size_t n_units;
    const uint8_t *pool;
    size_t pool_len;
    uint8_t inert[BMP / 8];
    uint32_t block[]; /* units, then the pool */
};

static uint32_t unit_label(uint32_t u)
{
    return u & 0x800000FFu;
}
static bool unit_leaf(uint32_t u)
{
    return (u >> 8 & 1) != 0;
}
static uint32_t unit_offset(uint32_t u)
{
    return (u >> 10) << ((u & 0x200u) >> 6);
}

/* The shortest key that is a prefix of key[0..len): its replacement. *found = false when there is none. */
static tri_status look_up(const charsmap *m, const uint8_t *key, size_t len, bool *found, const uint8_t **with,
                          size_t *with_len, tri_error *err)
{
    *found = false;
    uint32_t at = unit_offset(m->units[0]);
    for (size_t i = 0; i < len && key[i]; i++) {
        at ^= key[i];
        if (at >= m->n_units || unit_label(m->units[at]) != key[i]) return TRI_OK;
        uint32_t unit = m->units[at];
        at ^= unit_offset(unit);
        if (!unit_leaf(unit)) continue;
        if (at >= m->n_units) return err_set(err, TRI_ERR_FORMAT, "precompiled charsmap: a value lies outside the trie");
        size_t from = m->units[at] & 0x7FFFFFFFu;
        if (from >= m->pool_len || (m->pool[from] & 0xC0) == 0x80)
            return err_set(err, TRI_ERR_FORMAT, "precompiled charsmap: replacement %zu is not in the string pool", from);
        const uint8_t *end = memchr(m->pool + from, 0, m->pool_len - from);
        *found = true;
        *with = m->pool + from;
        *with_len = end ? (size_t)(end - *with) : m->pool_len - from;
        return TRI_OK;
    }
    return TRI_OK;
}

static tri_status find_inert(charsmap *m, tri_error *err)
{
    for (uint32_t cp = 1; cp < BMP; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF) continue;
        uint32_t props = ucd_props(cp);
        if (UCD_GCB(props) != GCB_OTHER && UCD_GCB(props) != GCB_PICT) continue;
        uint8_t key[4];
        bool found;
        const uint8_t *with;
        size_t with_len;
        TRI_TRY(look_up(m, key, utf8_put(key, cp), &found, &with, &with_len, err));
        if (!found) m->inert[cp / 8] |= (uint8_t)(1u << cp % 8);
    }
    return TRI_OK;
}

tri_status charsmap_new(const uint8_t *blob, size_t len, charsmap **out, tri_error *err)
{
    uint32_t trie_bytes = 0;
    if (len >= 4) trie_bytes = blob[0] | (uint32_t)blob[1] << 8 | (uint32_t)blob[2] << 16 | (uint32_t)blob[3] << 24;
    if (len < 4 || trie_bytes < 4 || trie_bytes % 4 || trie_bytes > len - 4)
        return err_set(err, TRI_ERR_FORMAT, "precompiled charsmap of %zu bytes claims a trie of %u", len, trie_bytes);
    size_t bytes;
    if (!add_size(sizeof(charsmap), len, &bytes)) return err_memory(err, len);
    charsmap *m = mem_alloc(bytes);
    if (!m) return err_memory(err, bytes);
    memset(m, 0, sizeof *m);
    m->n_units = trie_bytes / 4;
    m->pool_len = len - 4 - trie_bytes;
    for (size_t i = 0; i < m->n_units; i++) {
        const uint8_t *u = blob + 4 + 4 * i;
        m->block[i] = u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
    }
    memcpy((uint8_t *)m->block + trie_bytes, blob + 4 + trie_bytes, m->pool_len);
    m->units = m->block;
    m->pool = (const uint8_t *)m->block + trie_bytes;
    tri_status st = TRI_OK;
    if (utf8_count_bad(m->pool, m->pool_len))
        st = err_set(err, TRI_ERR_FORMAT, "precompiled charsmap: the replacements are not valid UTF-8");
    if (!st) st = find_inert(m, err);
    if (st) {
        charsmap_free(m);
        return st;
    }
    *out = m;
    return TRI_OK;
}

static tri_status put_le32(buf *out, uint32_t v)
{
    const uint8_t le[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    return buf_append(out, le, sizeof le);
}

tri_status charsmap_write(const charsmap *m, buf *out)
{
    TRI_TRY(put_le32(out, (uint32_t)(4 * m->n_units)));
    for (size_t i = 0; i < m->n_units; i++) TRI_TRY(put_le32(out, m->units[i]));
    return buf_append(out, m->pool, m->pool_len);
}

void charsmap_free(charsmap *m)
{
    mem_free(m);
}

static tri_status append(buf *out, const uint8_t *bytes, size_t len, tri_error *err)
{
    return buf_append(out, bytes, len) ? err_memory(err, out->len + len) : TRI_OK;
}

/* One cluster, whole or character by character. */
static tri_status map_cluster(const charsmap *m, const uint8_t *p, size_t len, buf *out, tri_error *err)
{
    bool found = false;
    const uint8_t *with;
    size_t with_len;
    if (len < WHOLE_CLUSTER_BYTES) {
        TRI_TRY(look_up(m, p, len, &found, &with, &with_len, err));
        if (found) return append(out, with, with_len, err);
    }
    for (const uint8_t *end = p + len; p < end;) {
        size_t n = utf8_len(*p);
        TRI_TRY(look_up(m, p, n, &found, &with, &with_len, err));
        TRI_TRY(found ? append(out, with, with_len, err) : append(out, p, n, err));
        p += n;
    }
    return TRI_OK;
}

/* The end of the run of inert characters that starts at p; *last = the start of its last character. */
static const uint8_t *inert_end(const charsmap *m, const uint8_t *p, const uint8_t *end, const uint8_t **last)
{
    while (p < end) {
        uint32_t cp;
        size_t n = utf8_walk(p, &cp);
        if (cp >= BMP || !(m->inert[cp / 8] >> cp % 8 & 1)) break;
        *last = p;
        p += n;
    }
    return p;
}

tri_status charsmap_run(const charsmap *m, const uint8_t *text, size_t len, buf *out, tri_error *err)
{
    if (!len) return TRI_OK;
    const uint8_t *p = text, *end = text + len;
    if (buf_reserve(out, len)) return err_memory(err, len);
    while (p < end) {
        const uint8_t *last = p, *run = inert_end(m, p, end, &last);
        if (run == end) return append(out, p, (size_t)(end - p), err);
        uint32_t cp;
        grapheme g;
        size_t n = utf8_walk(run, &cp);
        const uint8_t *from = run;
        if (run > p) {
            uint32_t before;
            utf8_walk(last, &before);
            grapheme_begin(&g, ucd_props(before));
            if (!grapheme_break(&g, ucd_props(cp))) from = last;
        }
        if (from == run) grapheme_begin(&g, ucd_props(cp));
        TRI_TRY(append(out, p, (size_t)(from - p), err));
        p = run + n;
        while (p < end) {
            n = utf8_walk(p, &cp);
            if (grapheme_break(&g, ucd_props(cp))) break;
            p += n;
        }
        TRI_TRY(map_cluster(m, from, (size_t)(p - from), out, err));
    }
    return TRI_OK;
}

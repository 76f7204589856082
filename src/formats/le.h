/* SPDX-License-Identifier: Apache-2.0 */
/* le.h — little-endian numbers out of bytes that may lie at any address. The caller has checked that they are there. */
#ifndef TRI_FORMATS_LE_H
#define TRI_FORMATS_LE_H

#include <stdint.h>

static inline uint16_t le_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t le_u64(const uint8_t *p)
{
    return le_u32(p) | (uint64_t)le_u32(p + 4) << 32;
}

static inline void le_put_u64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> (8 * i));
}

#endif

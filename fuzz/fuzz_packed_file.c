/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_packed_file.c — any bytes as a packed weight file; whatever is accepted must be readable to its last byte. Since a
 * fuzzer does not find checksums, the input is also tried with its lengths and checksums made to hold. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "formats/le.h"
#include "formats/packed_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink; /* what was read is used */

static void read_all(const uint8_t *data, size_t size)
{
    packed_file f;
    tri_error err;
    uint8_t sum = 0;
    char name[1100];
    if (packed_file_parse(data, size, &f, &err)) return;
    for (size_t i = 0; i < f.n_sources; i++) {
        packed_source s = packed_file_source(&f, i);
        for (size_t k = 0; k < s.name.len; k++) sum ^= (uint8_t)s.name.bytes[k];
    }
    for (size_t i = 0; i < f.recipe.len; i++) sum ^= (uint8_t)f.recipe.bytes[i];
    for (size_t i = 0; i < f.n_entries; i++) {
        packed_entry e = packed_file_entry(&f, i), found;
        for (size_t k = 0; k < e.bytes; k += 61) sum ^= ((const uint8_t *)e.blob)[k];
        sum ^= ((const uint8_t *)e.blob)[e.bytes - 1];
        memcpy(name, e.name.bytes, e.name.len);
        name[e.name.len] = 0;
        if (!packed_file_find(&f, name, &found) || found.blob != e.blob) abort();
    }
    packed_file_verify(&f, NULL, NULL, &err);
    sink = sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEADER = 64 };
    read_all(data, size);
    if (size < HEADER) return 0;
    uint8_t *signed_copy = malloc(size);
    if (!signed_copy) return 0;
    memcpy(signed_copy, data, size);
    memcpy(signed_copy, "TRIPACKD\1\0\0\0", 12);
    le_put_u64(signed_copy + 16, size);
    uint64_t at = le_u64(signed_copy + 24);
    if (at <= size) {
        le_put_u64(signed_copy + 32, size - at);
        le_put_u64(signed_copy + 40, hash64(signed_copy + at, size - at));
    }
    le_put_u64(signed_copy + 48, hash64(signed_copy, 48));
    le_put_u64(signed_copy + 56, 0);
    read_all(signed_copy, size);
    free(signed_copy);
    return 0;
}

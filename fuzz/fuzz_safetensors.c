/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_safetensors.c — any bytes as a safetensors file; whatever is accepted must be readable to its last byte. */
#include <stdlib.h>

#include "formats/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tensor_table t;
    tri_error err;
    uint8_t sum = 0;
    char shape[128];
    tensor_table_init(&t);
    if (safetensors_parse(data, size, "fuzz.safetensors", &t, &err) == TRI_OK) {
        for (size_t i = 0; i < t.count; i++) {
            for (size_t k = 0; k < t.items[i].bytes; k++) sum ^= ((const uint8_t *)t.items[i].data)[k];
            if (!weight_shape_text(&t.items[i], shape)[sum & 1 ? 0 : 1] || !t.items[i].name[0]) abort();
        }
    }
    tensor_table_drop(&t);
    return 0;
}

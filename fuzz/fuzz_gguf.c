/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_gguf.c — any bytes as a GGUF file: its tensors are read to their last byte, its keys as a configuration. */
#include <stdlib.h>

#include "formats/gguf.h"
#include "model/gguf_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensors(const gguf *g)
{
    tensor_table t;
    tri_error err;
    uint8_t sum = 0;
    tensor_table_init(&t);
    if (gguf_add_tensors(g, "fuzz.gguf", &t, &err) == TRI_OK)
        for (size_t i = 0; i < t.count; i++)
            for (size_t k = 0; k < t.items[i].bytes; k++) sum ^= ((const uint8_t *)t.items[i].data)[k];
    if (t.count && sum == 1 && !t.items[0].name[0]) abort();
    tensor_table_drop(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gguf g;
    tri_error err;
    json_t *config;
    if (gguf_read(data, size, &g, &err) == TRI_OK) {
        read_tensors(&g);
        if (gguf_model_config_json(&g, &config, &err) == TRI_OK) json_decref(config);
    }
    gguf_drop(&g);
    return 0;
}

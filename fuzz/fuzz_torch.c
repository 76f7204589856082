/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_torch.c — any bytes as a torch.save file (zip or legacy); bytes that are neither are run as a bare pickle, so that the
 * fuzzer need not build an archive around each program. */
#include <stdlib.h>

#include "formats/pickle.h"
#include "formats/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_archive(const uint8_t *data, size_t size)
{
    tensor_table t;
    tri_error err;
    uint8_t sum = 0;
    tensor_table_init(&t);
    if (torch_file_parse(data, size, "fuzz.pt", &t, &err) == TRI_OK) {
        for (size_t i = 0; i < t.count; i++)
            for (size_t k = 0; k < t.items[i].bytes; k++) sum ^= ((const uint8_t *)t.items[i].data)[k];
        if (t.count == 0 && sum) abort();
    }
    tensor_table_drop(&t);
}

static void run_program(const uint8_t *data, size_t size)
{
    pickle p;
    tri_error err;
    pickle_init(&p);
    if (pickle_run(&p, data, size, &err) == TRI_OK) {
        const pickle_value *root = pickle_at(&p, p.root);
        if (root->kind == PICKLE_TUPLE || root->kind == PICKLE_LIST || root->kind == PICKLE_DICT) {
            uint32_t n = 0;
            for (const pickle_cell *c = pickle_first(&p, root); c; c = pickle_next(&p, c))
                n += pickle_at(&p, c->value)->kind <= PICKLE_PERSISTENT;
            if (n != root->count) abort();
        }
    }
    pickle_drop(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (torch_file_is_zip(data, size) || torch_file_is_legacy(data, size))
        read_archive(data, size);
    else
        run_program(data, size);
    return 0;
}

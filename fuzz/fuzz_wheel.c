/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_wheel.c — any bytes as a wheel: every member that the directory names is inflated, up to a bound. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "hub/wheel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wheel w = {.file = {.data = data, .len = size}};
    char name[256];
    if (zip_read_open(data, size, &w.zip, NULL) == TRI_OK) {
        for (size_t i = 0; i < w.zip.count && i < 16; i++) {
            const zip_member *m = &w.zip.members[i];
            uint8_t *out = NULL;
            size_t len = 0;
            snprintf(name, sizeof name, "%.*s", (int)(m->name_len < 255 ? m->name_len : 255), m->name);
            if (wheel_read(&w, name, 1 << 20, &out, &len, NULL) == TRI_OK) mem_free(out);
        }
    }
    zip_read_drop(&w.zip);
    return 0;
}

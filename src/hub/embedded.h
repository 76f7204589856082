/* SPDX-License-Identifier: Apache-2.0 */
/* embedded.h — the small files of the demonstration models (data/models), put into the binary by cmake/embed.cmake. */
#ifndef TRI_HUB_EMBEDDED_H
#define TRI_HUB_EMBEDDED_H

#include <stddef.h>
#include <stdint.h>

typedef struct embedded_file {
    const char *path; /* under data/models: "small-m3/config.json" */
    const uint8_t *data;
    size_t len;
} embedded_file;

extern const embedded_file embedded_files[];
extern const size_t embedded_count;

#endif

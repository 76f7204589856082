/* SPDX-License-Identifier: Apache-2.0 */
/* wheel.h — files out of a Python wheel, which is a zip archive with deflated members. None of its code is run. */
#ifndef TRI_HUB_WHEEL_H
#define TRI_HUB_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/file.h"
#include "formats/zip_read.h"

typedef struct wheel {
    mapped_file file;
    zip_archive zip;
} wheel;

tri_status wheel_open(const char *path, wheel *out, tri_error *err);
void wheel_close(wheel *w); /* a zeroed wheel is fine */

/* The whole member, at most max bytes, for mem_free. */
tri_status wheel_read(const wheel *w, const char *member, size_t max, uint8_t **out, size_t *len, tri_error *err);
/* The member as a file, which appears when it is whole. */
tri_status wheel_extract(const wheel *w, const char *member, const char *path, uint64_t max, tri_error *err);

#endif

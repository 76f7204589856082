/* SPDX-License-Identifier: Apache-2.0 */
/* zip_read.h — the members of a zip archive in memory, viewed in place. STORED members only. */
#ifndef TRI_FORMATS_ZIP_READ_H
#define TRI_FORMATS_ZIP_READ_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "base/strmap.h"

typedef struct zip_member {
    const char *name; /* in the archive's bytes, not NUL-terminated */
    size_t name_len;
    uint64_t packed, size;  /* bytes as stored and as meant */
    uint64_t header_offset; /* of the local header */
    uint16_t method, flags;
} zip_member;

typedef struct zip_archive {
    const uint8_t *bytes; /* borrowed */
    size_t len;
    uint64_t members_end; /* where the central directory begins: members lie before it */
    zip_member *members;
    size_t count;
    strmap names;
} zip_archive;

/* Reads the directory; the members' data are not touched. Drop it whatever the answer. */
tri_status zip_read_open(const uint8_t *bytes, size_t len, zip_archive *out, tri_error *err);
void zip_read_drop(zip_archive *zip);
const zip_member *zip_read_find(const zip_archive *zip, const char *name, size_t name_len); /* NULL = absent */
/* The bytes of a member, after its local header was checked against the directory. A compressed or encrypted member is
 * TRI_ERR_UNSUPPORTED. */
tri_status zip_read_view(const zip_archive *zip, const zip_member *member, const uint8_t **data, size_t *len, tri_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* zip_read.c — where do the members of a zip archive lie?
 *
 *   [local header | name | extra | data] ...  [central directory]  [zip64 end record, zip64 locator]  [end record | comment]
 *
 * Read from the end, as the format asks (PKWARE APPNOTE 6.3, sections 4.3.6 to 4.3.16): the end record gives the directory, the
 * directory gives each member's sizes and local header, and the local header's own name and extra lengths give the place of the
 * data (torch pads the local extra field to align storages to 64 bytes, so it differs from the directory's).
 *
 * Invariants: (1) every number is compared with the archive's length before it is used as a place; (2) the directory lies
 * before the end record and every member's data before the directory; (3) names are unique, and the local header has the same
 * name as the directory (two answers to "what is in member X" would let two readers see two files); (4) only the directory and
 * the local headers of members that are asked for are read, so opening a 2 GB archive touches a few pages.
 *
 * It does not inflate, decrypt, join volumes or check CRC-32 (that would read all the data; torch can write archives without).
 */
#include "formats/zip_read.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "formats/le.h"
#include "formats/tensor_table.h"

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    COMMENT_MAX = 65535,
    EXTRA_ZIP64 = 0x0001,
    FLAG_ENCRYPTED = 0x0001,
    FLAG_MASKED = 0x2000,
    METHOD_STORED = 0,
};
static const uint32_t sign_end = 0x06054b50, sign_end64 = 0x06064b50, sign_locator = 0x07064b50, sign_entry = 0x02014b50,
                      sign_local = 0x04034b50;

typedef struct directory {
    uint64_t offset, bytes, count;
    uint64_t end; /* it must end at or before this place */
} directory;

/* The end record is the last one whose comment reaches exactly to the end of the file. */
static bool find_end(const uint8_t *bytes, size_t len, size_t *at)
{
    if (len < END_BYTES) return false;
    size_t last = len - END_BYTES, first = last > COMMENT_MAX ? last - COMMENT_MAX : 0;
    for (size_t i = last + 1; i-- > first;) {
        if (le_u32(bytes + i) == sign_end && le_u16(bytes + i + 20) == last - i) {
            *at = i;
            return true;
        }
    }
    return false;
}

/* Takes from the zip64 end record the numbers that the plain one has no room for (all bits set). */
static tri_status read_end64(const uint8_t *bytes, size_t end_at, directory *d, tri_error *err)
{
    const uint8_t *locator = bytes + end_at - LOCATOR_BYTES;
    uint64_t at = le_u64(locator + 8), room = end_at - LOCATOR_BYTES;
    if (le_u32(locator + 4) != 0 || le_u32(locator + 16) > 1)
        return err_set(err, TRI_ERR_UNSUPPORTED, "the zip archive is split over several volumes");
    if (room < END64_BYTES || at > room - END64_BYTES || le_u32(bytes + at) != sign_end64)
        return err_set(err, TRI_ERR_FORMAT, "the zip64 end record is not at byte %llu", (unsigned long long)at);
    const uint8_t *record = bytes + at;
    if (d->count == 0xFFFF) d->count = le_u64(record + 32);
    if (d->bytes == 0xFFFFFFFF) d->bytes = le_u64(record + 40);
    if (d->offset == 0xFFFFFFFF) d->offset = le_u64(record + 48);
    d->end = at;
    return TRI_OK;
}

static tri_status find_directory(const uint8_t *bytes, size_t len, directory *d, tri_error *err)
{
    size_t end_at;
    if (!find_end(bytes, len, &end_at)) {
        err_set(err, TRI_ERR_FORMAT, "the zip archive has no end record; the file is cut short");
        return err_hint(err, TRI_ERR_FORMAT, "download the file again and compare its size");
    }
    const uint8_t *end = bytes + end_at;
    if (le_u16(end + 4) != le_u16(end + 6) || le_u16(end + 8) != le_u16(end + 10))
        return err_set(err, TRI_ERR_UNSUPPORTED, "the zip archive is split over several volumes");
    *d = (directory){.count = le_u16(end + 10), .bytes = le_u32(end + 12), .offset = le_u32(end + 16), .end = end_at};
    if (end_at >= LOCATOR_BYTES && le_u32(end - LOCATOR_BYTES) == sign_locator) TRI_TRY(read_end64(bytes, end_at, d, err));
    if (d->offset > d->end || d->bytes > d->end - d->offset)
        return err_set(err, TRI_ERR_FORMAT, "the zip directory (%llu bytes at byte %llu) does not lie inside the file",
                       (unsigned long long)d->bytes, (unsigned long long)d->offset);
    if (d->count > LIMIT_ZIP_MEMBERS)
        return err_set(err, TRI_ERR_LIMIT, "the zip archive has %llu members, more than %u", (unsigned long long)d->count,
                       LIMIT_ZIP_MEMBERS);
    if (d->count > d->bytes / ENTRY_BYTES)
        return err_set(err, TRI_ERR_FORMAT, "the zip directory has no room for its %llu members", (unsigned long long)d->count);
    return TRI_OK;
}

/* The zip64 extra field holds, in this order, those of size, packed size and offset that are all ones in the entry. */
static bool widen(zip_member *m, const uint8_t *extra, size_t len)
{
    uint64_t *wide[3] = {&m->size, &m->packed, &m->header_offset};
    bool wanted = false;
    for (int i = 0; i < 3; i++) wanted = wanted || *wide[i] == 0xFFFFFFFF;
    if (!wanted) return true;
    while (len >= 4) {
        uint16_t id = le_u16(extra), bytes = le_u16(extra + 2);
        extra += 4;
        len -= 4;
        if (bytes > len) return false;
        if (id == EXTRA_ZIP64) {
            const uint8_t *p = extra, *stop = extra + bytes;
            for (int i = 0; i < 3; i++) {
                if (*wide[i] != 0xFFFFFFFF) continue;
                if (stop - p < 8) return false;
                *wide[i] = le_u64(p);
                p += 8;
            }
            return true;
        }
        extra += bytes;
        len -= bytes;
    }
    return false;
}

/* One entry at the start of dir[0..room); *used = its length. */
static tri_status read_entry(const uint8_t *dir, size_t room, zip_member *m, size_t *used, tri_error *err)
{
    if (room < ENTRY_BYTES || le_u32(dir) != sign_entry)
        return err_set(err, TRI_ERR_FORMAT, "the zip directory is cut short or damaged");
    size_t name_len = le_u16(dir + 28), extra_len = le_u16(dir + 30), comment_len = le_u16(dir + 32);
    size_t total = ENTRY_BYTES + name_len + extra_len + comment_len;
    if (total > room) return err_set(err, TRI_ERR_FORMAT, "an entry of the zip directory reaches past its end");
    *m = (zip_member){.name = (const char *)dir + ENTRY_BYTES,
                      .name_len = name_len,
                      .packed = le_u32(dir + 20),
                      .size = le_u32(dir + 24),
                      .header_offset = le_u32(dir + 42),
                      .method = le_u16(dir + 10),
                      .flags = le_u16(dir + 8)};
    if (!widen(m, dir + ENTRY_BYTES + name_len, extra_len))
        return err_set(err, TRI_ERR_FORMAT, "zip member \"%.*s\" has no usable zip64 sizes", tensor_name_width(name_len),
                       m->name);
    *used = total;
    return TRI_OK;
}

static tri_status read_entries(zip_archive *zip, const directory *d, tri_error *err)
{
    const uint8_t *dir = zip->bytes + d->offset;
    size_t room = (size_t)d->bytes;
    for (size_t i = 0; i < d->count; i++) {
        zip_member *m = &zip->members[i];
        size_t used = 0;
        bool found = false;
        TRI_TRY(read_entry(dir, room, m, &used, err));
        if (strmap_put(&zip->names, m->name, m->name_len, (uint32_t)i, NULL, &found) != TRI_OK)
            return err_memory(err, m->name_len);
        if (found)
            return err_set(err, TRI_ERR_FORMAT, "zip member \"%.*s\" is there twice", tensor_name_width(m->name_len), m->name);
        zip->count++;
        dir += used;
        room -= used;
    }
    if (room) return err_set(err, TRI_ERR_FORMAT, "the zip directory has %zu bytes more than its members", room);
    return TRI_OK;
}

tri_status zip_read_open(const uint8_t *bytes, size_t len, zip_archive *out, tri_error *err)
{
    directory d = {0};
    *out = (zip_archive){.bytes = bytes, .len = len};
    strmap_init(&out->names);
    TRI_TRY(find_directory(bytes, len, &d, err));
    out->members_end = d.offset;
    out->members = mem_array((size_t)d.count, sizeof *out->members);
    if (!out->members) return err_memory(err, (size_t)d.count * sizeof *out->members);
    return read_entries(out, &d, err);
}

void zip_read_drop(zip_archive *zip)
{
    mem_free(zip->members);
    strmap_drop(&zip->names);
    zip->members = NULL;
    zip->count = 0;
}

const zip_member *zip_read_find(const zip_archive *zip, const char *name, size_t name_len)
{
    uint32_t place;
    return strmap_find(&zip->names, name, name_len, &place) ? &zip->members[place] : NULL;
}

tri_status zip_read_view(const zip_archive *zip, const zip_member *m, const uint8_t **data, size_t *len, tri_error *err)
{
    int width = tensor_name_width(m->name_len);
    if (m->flags & (FLAG_ENCRYPTED | FLAG_MASKED))
        return err_set(err, TRI_ERR_UNSUPPORTED, "zip member \"%.*s\" is encrypted", width, m->name);
    if (m->method != METHOD_STORED) {
        err_set(err, TRI_ERR_UNSUPPORTED, "zip member \"%.*s\" is compressed (method %u); only stored members are read", width,
                m->name, m->method);
        return err_hint(err, TRI_ERR_UNSUPPORTED,
                        "torch.save never compresses: this archive was packed again; save it with torch.save");
    }
    if (m->packed != m->size)
        return err_set(err, TRI_ERR_FORMAT, "zip member \"%.*s\" is stored, but its two sizes differ (%llu and %llu)", width,
                       m->name, (unsigned long long)m->packed, (unsigned long long)m->size);
    if (m->header_offset > zip->members_end || zip->members_end - m->header_offset < LOCAL_BYTES)
        return err_set(err, TRI_ERR_FORMAT, "the header of zip member \"%.*s\" lies outside the file", width, m->name);
    const uint8_t *local = zip->bytes + m->header_offset;
    size_t name_len = le_u16(local + 26), extra_len = le_u16(local + 28);
    uint64_t room = zip->members_end - m->header_offset - LOCAL_BYTES;
    if (le_u32(local) != sign_local || name_len != m->name_len || room < name_len + extra_len ||
        memcmp(local + LOCAL_BYTES, m->name, name_len) != 0 || le_u16(local + 8) != m->method)
        return err_set(err, TRI_ERR_FORMAT, "the header of zip member \"%.*s\" does not agree with the directory", width,
                       m->name);
    room -= name_len + extra_len;
    if (m->size > room)
        return err_set(err, TRI_ERR_FORMAT, "zip member \"%.*s\" (%llu bytes) reaches past the members' end", width, m->name,
                       (unsigned long long)m->size);
    *data = local + LOCAL_BYTES + name_len + extra_len;
    *len = (size_t)m->size;
    return TRI_OK;
}

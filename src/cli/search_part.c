/* SPDX-License-Identifier: Apache-2.0 */
/* search_part.c — blocks of finished queries. The file is as long as the run that it becomes, so it is mapped, never read whole
 * into memory; its text comes from a file that others may have touched, so every number in it is checked. */
#include "cli/search_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/number.h"

static const char magic[] = "trident search part 1 ";
enum { HEAD_BYTES = sizeof magic - 1 + 16 + 1, BLOCK_LINE_MAX = 96 };

typedef struct part_block {
    uint64_t line;
    const char *bytes;
    size_t len;
} part_block;

static bool read_field(const char **p, const char *end, char last, uint64_t *out)
{
    const char *stop = memchr(*p, last, (size_t)(end - *p));
    if (!stop || !number_parse_u64(*p, (size_t)(stop - *p), out)) return false;
    *p = stop + 1;
    return true;
}

/* The block at *p, which moves past it; false when it is not there as it was written. */
static bool next_block(const char **p, const char *end, part_block *out)
{
    const char *at = *p;
    uint64_t len, hash;
    if (end - at < 3 || at[0] != '@' || at[1] != ' ') return false;
    at += 2;
    if (!read_field(&at, end, ' ', &out->line) || !read_field(&at, end, ' ', &len) || !read_field(&at, end, '\n', &hash))
        return false;
    if (len > (uint64_t)(end - at) || hash64(at, (size_t)len) != hash) return false;
    out->bytes = at;
    out->len = (size_t)len;
    *p = at + len;
    return true;
}

static void head_line(uint64_t terms, char out[HEAD_BYTES + 1])
{
    snprintf(out, HEAD_BYTES + 1, "%s%016" PRIx64 "\n", magic, terms);
}

/* How many bytes from the start are whole? 0 when the head is another's. */
static size_t whole_bytes(const mapped_file *m, uint64_t terms, uint64_t *done_line)
{
    char head[HEAD_BYTES + 1];
    const char *start = (const char *)m->data, *p = start + HEAD_BYTES;
    part_block block;
    head_line(terms, head);
    if (m->len < HEAD_BYTES || memcmp(start, head, HEAD_BYTES) != 0) return 0;
    while (next_block(&p, start + m->len, &block)) *done_line = block.line;
    return (size_t)(p - start);
}

tri_status search_part_open(search_part *p, const char *out, uint64_t terms, tri_error *err)
{
    char head[HEAD_BYTES + 1];
    mapped_file old = {0};
    size_t whole = 0;
    p->out = out;
    p->done_line = 0;
    buf_init(&p->block, 0);
    int n = snprintf(p->path, sizeof p->path, "%s.part", out);
    if (n < 0 || (size_t)n >= sizeof p->path) return err_set(err, TRI_ERR_LIMIT, "the path of %s is too long", out);
    if (file_exists(p->path)) {
        TRI_TRY(mapped_file_open(p->path, &old, err));
        whole = whole_bytes(&old, terms, &p->done_line);
    }
    tri_status st = TRI_OK;
    head_line(terms, head);
    if (!whole)
        st = file_save(p->path, head, HEAD_BYTES, err);
    else if (whole < old.len) /* a torn tail */
        st = file_save(p->path, old.data, whole, err);
    mapped_file_close(&old);
    return st;
}

tri_status search_part_end_window(search_part *p, uint64_t last_line, tri_error *err)
{
    char line[BLOCK_LINE_MAX];
    buf text;
    int n = snprintf(line, sizeof line, "@ %" PRIu64 " %zu %" PRIu64 "\n", last_line, p->block.len,
                     hash64(p->block.data, p->block.len));
    buf_init(&text, 0);
    tri_status st = buf_append(&text, line, (size_t)n);
    if (!st) st = buf_append(&text, p->block.data, p->block.len);
    st = st ? err_memory(err, p->block.len) : file_append_synced(p->path, text.data, text.len, err);
    buf_drop(&text);
    buf_clear(&p->block);
    return st;
}

tri_status search_part_commit(search_part *p, tri_error *err)
{
    mapped_file m;
    out_file *out;
    part_block block;
    TRI_TRY(mapped_file_open(p->path, &m, err));
    tri_status st = out_file_open(p->out, &out, err);
    const char *at = (const char *)m.data + HEAD_BYTES, *end = (const char *)m.data + m.len;
    while (!st && next_block(&at, end, &block)) st = out_file_write(out, block.bytes, block.len, err);
    if (!st && at != end) st = err_set(err, TRI_ERR_FORMAT, "%s was changed while it was written", p->path);
    if (!st)
        st = out_file_commit(out, err);
    else
        out_file_discard(out);
    mapped_file_close(&m);
    return st ? st : file_remove(p->path, err);
}

void search_part_close(search_part *p)
{
    buf_drop(&p->block);
}

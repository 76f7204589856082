/* SPDX-License-Identifier: Apache-2.0 */
/* npy_write.c — the .npy format, version 1.0 (numpy/lib/format.py).
 *
 *   offset  size  meaning
 *   0       6     93 'N' 'U' 'M' 'P' 'Y'
 *   6       2     version 1, 0
 *   8       2     length of the rest of the header, little-endian: 118
 *   10      118   {'descr': '<f4', 'fortran_order': False, 'shape': (n, dim), } padded with spaces, then '\n'
 *   128     4*n*dim  rows, little-endian float32
 *
 * The header always has 128 bytes (a multiple of 64, as NumPy aligns it; two counts of 20 digits fit), so n can be patched in
 * when all rows are there. */
#include "formats/npy_write.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"

enum { HEADER_BYTES = 128, PREAMBLE_BYTES = 10 };

struct npy_writer {
    out_file *file;
    size_t dim;
    uint64_t n;
};

static void make_header(char out[HEADER_BYTES], uint64_t n, size_t dim)
{
    static const unsigned char preamble[PREAMBLE_BYTES] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, HEADER_BYTES - PREAMBLE_BYTES,
                                                           0};
    char text[HEADER_BYTES];
    int len = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %zu), }",
                       (unsigned long long)n, dim);
    memset(out, ' ', HEADER_BYTES);
    memcpy(out, preamble, PREAMBLE_BYTES);
    memcpy(out + PREAMBLE_BYTES, text, (size_t)len);
    out[HEADER_BYTES - 1] = '\n';
}

tri_status npy_write_open(const char *path, size_t dim, npy_writer **out, tri_error *err)
{
    char header[HEADER_BYTES];
    *out = NULL;
    if (strcmp(path, "-") == 0) {
        err_set(err, TRI_ERR_UNSUPPORTED, "could not write .npy to standard output: its header is written last");
        return err_hint(err, TRI_ERR_UNSUPPORTED, "name a file");
    }
    npy_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    w->dim = dim;
    make_header(header, 0, dim);
    tri_status st = out_file_open(path, &w->file, err);
    if (!st) st = out_file_write(w->file, header, sizeof header, err);
    if (st) {
        npy_write_discard(w);
        return st;
    }
    *out = w;
    return TRI_OK;
}

tri_status npy_write_rows(npy_writer *w, const float *rows, size_t n_rows, tri_error *err)
{
    size_t values, bytes;
    if (!mul_size(n_rows, w->dim, &values) || !mul_size(values, sizeof *rows, &bytes))
        return err_set(err, TRI_ERR_LIMIT, "%zu rows of %zu values are too many to write", n_rows, w->dim);
    TRI_TRY(out_file_write(w->file, rows, bytes, err));
    w->n += n_rows;
    return TRI_OK;
}

tri_status npy_write_commit(npy_writer *w, tri_error *err)
{
    char header[HEADER_BYTES];
    make_header(header, w->n, w->dim);
    tri_status st = out_file_patch(w->file, 0, header, sizeof header, err);
    if (!st) {
        st = out_file_commit(w->file, err);
        w->file = NULL;
    }
    npy_write_discard(w);
    return st;
}

void npy_write_discard(npy_writer *w)
{
    if (!w) return;
    out_file_discard(w->file);
    mem_free(w);
}

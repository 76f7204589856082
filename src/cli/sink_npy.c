/* SPDX-License-Identifier: Apache-2.0 */
/* sink_npy.c — dense vectors as a NumPy array, float32 [n, D], written as they come. The ids are the input's: row i is input i
 * (under --skip-bad, the i-th line that could be read). */
#include "cli/vector_sink.h"

#include "formats/npy_write.h"

static tri_status open_npy(const vector_sink_plan *plan, void **sink, tri_error *err)
{
    npy_writer *w = NULL;
    tri_status st = npy_write_open(plan->path, plan->dense_dim, &w, err);
    *sink = w;
    return st;
}

static tri_status put_npy(void *sink, const record *records, size_t n, const tri_embeddings *e, tri_error *err)
{
    (void)records;
    tri_status st = TRI_OK;
    for (size_t i = 0; i < n && st == TRI_OK; i++) st = npy_write_rows(sink, tri_embeddings_dense(e, i).values, 1, err);
    return st;
}

static tri_status commit_npy(void *sink, tri_error *err)
{
    return npy_write_commit(sink, err);
}

static void discard_npy(void *sink)
{
    npy_write_discard(sink);
}

const vector_sink_kind sink_npy = {"npy", TRI_DENSE, false, open_npy, put_npy, commit_npy, discard_npy};

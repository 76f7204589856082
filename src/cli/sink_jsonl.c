/* SPDX-License-Identifier: Apache-2.0 */
/* sink_jsonl.c — an object a text: {"id", "tokens", "truncated", "dense": [D], "sparse": {"token id": weight}, "multi": [[D']
 * ...]}. Outputs not wanted are absent. Floats are the shortest decimals that read back as the same float32. */
#include "cli/vector_sink.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/json_out.h"

typedef struct jsonl_sink {
    out_file *file;
    unsigned want;
    buf line;
} jsonl_sink;

static void discard_jsonl(void *sink)
{
    jsonl_sink *s = sink;
    if (!s) return;
    out_file_discard(s->file);
    buf_drop(&s->line);
    mem_free(s);
}

static tri_status open_jsonl(const vector_sink_plan *plan, void **sink, tri_error *err)
{
    jsonl_sink *s = mem_calloc(1, sizeof *s);
    if (!s) return err_memory(err, sizeof *s);
    s->want = plan->want;
    buf_init(&s->line, 0);
    tri_status st = out_file_open(plan->path, &s->file, err);
    if (st)
        mem_free(s);
    else
        *sink = s;
    return st;
}

static tri_status render(const jsonl_sink *s, const record *r, const tri_embeddings *e, size_t i, buf *b)
{
    TRI_TRY(buf_str(b, "{\"id\": "));
    TRI_TRY(buf_append(b, r->id_json.bytes, r->id_json.len));
    TRI_TRY(buf_printf(b, ", \"tokens\": %zu, \"truncated\": %s", tri_embeddings_tokens(e, i),
                       tri_embeddings_truncated(e, i) ? "true" : "false"));
    if (s->want & TRI_DENSE) {
        tri_dense_view dense = tri_embeddings_dense(e, i);
        TRI_TRY(buf_str(b, ", \"dense\": "));
        TRI_TRY(json_out_f32_array(b, dense.values, dense.dim));
    }
    if (s->want & TRI_SPARSE) {
        TRI_TRY(buf_str(b, ", \"sparse\": "));
        TRI_TRY(json_out_sparse(b, tri_embeddings_sparse(e, i)));
    }
    if (s->want & TRI_MULTI) {
        TRI_TRY(buf_str(b, ", \"multi\": "));
        TRI_TRY(json_out_multi(b, tri_embeddings_multi(e, i)));
    }
    return buf_str(b, "}\n");
}

static tri_status put_jsonl(void *sink, const record *records, size_t n, const tri_embeddings *e, tri_error *err)
{
    jsonl_sink *s = sink;
    for (size_t i = 0; i < n; i++) {
        buf_clear(&s->line);
        if (render(s, &records[i], e, i, &s->line) != TRI_OK) return err_memory(err, s->line.len);
        TRI_TRY(out_file_write(s->file, s->line.data, s->line.len, err));
    }
    return TRI_OK;
}

static tri_status commit_jsonl(void *sink, tri_error *err)
{
    jsonl_sink *s = sink;
    tri_status st = out_file_commit(s->file, err);
    s->file = NULL;
    discard_jsonl(s);
    return st;
}

const vector_sink_kind sink_jsonl = {"jsonl", TRI_ALL, true, open_jsonl, put_jsonl, commit_jsonl, discard_jsonl};

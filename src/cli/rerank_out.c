/* SPDX-License-Identifier: Apache-2.0 */
/* rerank_out.c — ranks a group and renders it. Bytes go to a temporary file that becomes the output when all is there. */
#include "cli/rerank_out.h"

#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "cli/json_out.h"
#include "cli/logit_order.h"

tri_status rerank_out_open(rerank_out *o, const char *path, tri_error *err)
{
    size_t n = strlen(path);
    memset(o, 0, sizeof *o);
    buf_init(&o->text, 0);
    o->lines = n >= 6 && strcmp(path + n - 6, ".jsonl") == 0;
    return out_file_open(path, &o->file, err);
}

/* ---- order ---------------------------------------------------------------------------------------------------------- */

static tri_status rank(rerank_out *o, const rerank_group *group, const tri_pair_score *scores, tri_error *err)
{
    if (group->n > o->cap) {
        uint64_t *order = mem_realloc(o->order, group->n * sizeof *order);
        if (!order) return err_memory(err, group->n * sizeof *order);
        o->order = order;
        o->cap = group->n;
    }
    logit_order(scores + group->first, group->n, o->order);
    return TRI_OK;
}

/* ---- text ----------------------------------------------------------------------------------------------------------- */

static tri_status passage(const rerank_out *o, buf *b, tri_text id, float score)
{
    TRI_TRY(buf_str(b, o->lines ? "{\"id\": " : "\n      {\n        \"id\": "));
    TRI_TRY(buf_append(b, id.bytes, id.len));
    TRI_TRY(buf_str(b, o->lines ? ", \"score\": " : ",\n        \"score\": "));
    TRI_TRY(json_out_f32(b, score));
    return buf_str(b, o->lines ? "}" : "\n      }");
}

static tri_status ranked(const rerank_out *o, buf *b, const rerank_group *group, const tri_pair_score *scores, size_t top)
{
    size_t n = top && top < group->n ? top : group->n;
    TRI_TRY(buf_str(b, o->lines ? "{\"query\": " : "  {\n    \"query\": "));
    TRI_TRY(json_out_text(b, group->query.bytes, group->query.len));
    TRI_TRY(buf_str(b, o->lines ? ", \"ranked_passages\": [" : ",\n    \"ranked_passages\": ["));
    for (size_t i = 0; i < n; i++) {
        size_t place = logit_order_place(o->order[i]);
        if (i) TRI_TRY(buf_str(b, o->lines ? ", " : ","));
        TRI_TRY(passage(o, b, group->ids[place], scores[group->first + place].score));
    }
    return buf_str(b, o->lines ? "]}" : n ? "\n    ]\n  }" : "]\n  }");
}

static tri_status as_ids(const rerank_out *o, buf *b, const tri_pair_score *s)
{
    TRI_TRY(buf_str(b, o->lines ? "{\"logit\": " : "  {\n    \"logit\": "));
    TRI_TRY(json_out_f32(b, s->logit));
    TRI_TRY(buf_str(b, o->lines ? ", \"score\": " : ",\n    \"score\": "));
    TRI_TRY(json_out_f32(b, s->score));
    return buf_str(b, o->lines ? "}" : "\n  }");
}

tri_status rerank_out_put(rerank_out *o, const rerank_group *group, const tri_pair_score *scores, size_t top, tri_error *err)
{
    buf *b = &o->text;
    buf_clear(b);
    TRI_TRY(rank(o, group, scores, err));
    tri_status st = o->lines ? TRI_OK : buf_str(b, o->n ? ",\n" : "[\n");
    if (!st) st = group->as_ids ? as_ids(o, b, &scores[group->first]) : ranked(o, b, group, scores, top);
    if (!st && o->lines) st = buf_byte(b, '\n');
    if (st) return err_memory(err, b->len);
    o->n++;
    return out_file_write(o->file, b->data, b->len, err);
}

static void drop(rerank_out *o)
{
    buf_drop(&o->text);
    mem_free(o->order);
    o->order = NULL;
    o->file = NULL;
}

tri_status rerank_out_commit(rerank_out *o, tri_error *err)
{
    const char *end = o->n ? "\n]" : "[]";
    tri_status st = o->lines ? TRI_OK : out_file_write(o->file, end, strlen(end), err);
    if (st)
        out_file_discard(o->file);
    else
        st = out_file_commit(o->file, err);
    drop(o);
    return st;
}

void rerank_out_discard(rerank_out *o)
{
    out_file_discard(o->file);
    drop(o);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* hit_writer.c — see hit_writer.h. A score is printed as the shortest float32, so that whoever reads the run back compares what
 * was compared here; the rank says the order where scores are equal. */
#include "cli/hit_writer.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "cli/json_out.h"

/* Matches shown of a hit, best first: more than a query has tokens that matter, few enough to read. */
enum { EXPLAIN_MATCHES = 64 };

struct hit_writer {
    hit_writer_plan plan;
    out_file *file; /* NULL where plan.into takes the lines */
    buf line;
};

int hit_writer_find(const char *to, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *name = to ? to : strcmp(path, "-") == 0 ? "jsonl" : dot ? dot + 1 : "";
    return strcmp(name, "trec") == 0 ? HIT_WRITER_TREC : strcmp(name, "jsonl") == 0 ? HIT_WRITER_JSONL : -1;
}

tri_status hit_writer_open(const hit_writer_plan *plan, hit_writer **out, tri_error *err)
{
    hit_writer *w = mem_calloc(1, sizeof *w);
    if (!w) return err_memory(err, sizeof *w);
    w->plan = *plan;
    buf_init(&w->line, 0);
    tri_status st = plan->into ? TRI_OK : out_file_open(plan->path, &w->file, err);
    if (st)
        mem_free(w);
    else
        *out = w;
    return st;
}

static tri_status check_word(tri_text id, const char *what, tri_error *err)
{
    bool is_word = id.len > 0;
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.bytes[i] <= ' ') is_word = false;
    if (is_word) return TRI_OK;
    err_set(err, TRI_ERR_ARGUMENT, "could not write the %s id \"%.*s\" into a run: its columns end at white space", what,
            (int)(id.len < 200 ? id.len : 200), id.bytes);
    return err_hint(err, TRI_ERR_ARGUMENT, "write .jsonl instead");
}

static tri_status put_trec(hit_writer *w, const hit_writer_query *query, size_t rank, const tri_hit *hit, tri_error *err)
{
    char score[40];
    buf *b = &w->line;
    TRI_TRY(check_word(query->record->key, "query", err));
    TRI_TRY(check_word(hit->key, "document", err));
    size_t n = number_format_f32(score, sizeof score, hit->score);
    tri_status st = buf_append(b, query->record->key.bytes, query->record->key.len);
    if (st == TRI_OK) st = buf_str(b, " Q0 ");
    if (st == TRI_OK) st = buf_append(b, hit->key.bytes, hit->key.len);
    if (st == TRI_OK) st = buf_printf(b, " %zu %.*s trident\n", rank, (int)n, score);
    return st ? err_memory(err, b->len) : TRI_OK;
}

static tri_status put_piece(const hit_writer *w, uint32_t id, buf *b)
{
    tri_text piece = {NULL, 0};
    if (id != UINT32_MAX && w->plan.tokenizer) piece = tri_token_piece(w->plan.tokenizer, id);
    return piece.bytes ? json_out_text(b, piece.bytes, piece.len) : buf_str(b, "null");
}

static tri_status put_match(const hit_writer *w, const hit_writer_query *query, const tri_match *match, buf *b)
{
    uint32_t query_id = match->query_id;
    if (match->leg == TRI_MULTI && query_id == UINT32_MAX && (size_t)match->query_row + 1 < query->n_ids)
        query_id = query->ids[match->query_row + 1]; /* the first token has no row */
    TRI_TRY(buf_str(b, "{\"query\": "));
    TRI_TRY(put_piece(w, query_id, b));
    TRI_TRY(buf_str(b, ", \"passage\": "));
    TRI_TRY(put_piece(w, match->passage_id, b));
    TRI_TRY(buf_str(b, ", \"weight\": "));
    TRI_TRY(json_out_f32(b, match->weight));
    return buf_str(b, match->leg == TRI_SPARSE ? ", \"leg\": \"sparse\"}" : ", \"leg\": \"multi\"}");
}

/* Sparse first, then multi, each best first: their weights are not on one scale. */
static tri_status put_matches(hit_writer *w, const hit_writer_query *query, const tri_hit *hit, tri_error *err)
{
    static const int legs[] = {TRI_SPARSE, TRI_MULTI};
    tri_match matches[EXPLAIN_MATCHES];
    size_t n, n_put = 0;
    TRI_TRY(tri_explain(w->plan.index, query->vectors, hit->ordinal, matches, EXPLAIN_MATCHES, &n, err));
    tri_status st = buf_str(&w->line, ", \"tokens\": [");
    for (size_t leg = 0; leg < 2; leg++)
        for (size_t i = 0; i < n && i < EXPLAIN_MATCHES && st == TRI_OK; i++) {
            if (matches[i].leg != legs[leg]) continue;
            if (n_put++) st = buf_str(&w->line, ", ");
            if (st == TRI_OK) st = put_match(w, query, &matches[i], &w->line);
        }
    if (st == TRI_OK) st = buf_byte(&w->line, ']');
    return st ? err_memory(err, w->line.len) : TRI_OK;
}

static tri_status render(const hit_writer_query *query, size_t rank, const tri_hit *hit, buf *b)
{
    const struct {
        const char *name;
        float score;
    } scores[] = {{"score", hit->score}, {"dense", hit->dense}, {"sparse", hit->sparse}, {"multi", hit->multi}};
    TRI_TRY(buf_str(b, "{\"qid\": "));
    TRI_TRY(buf_append(b, query->record->id_json.bytes, query->record->id_json.len));
    TRI_TRY(buf_printf(b, ", \"rank\": %zu, \"id\": ", rank));
    TRI_TRY(json_out_text(b, hit->key.bytes, hit->key.len));
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        TRI_TRY(buf_printf(b, ", \"%s\": ", scores[i].name));
        TRI_TRY(json_out_f32(b, scores[i].score)); /* NaN, not computed, is null */
    }
    TRI_TRY(buf_str(b, ", \"text\": "));
    return json_out_text(b, hit->text.bytes, hit->text.len);
}

static tri_status put_object(hit_writer *w, const hit_writer_query *query, size_t rank, const tri_hit *hit, tri_error *err)
{
    if (render(query, rank, hit, &w->line) != TRI_OK) return err_memory(err, w->line.len);
    if (w->plan.explain) TRI_TRY(put_matches(w, query, hit, err));
    return buf_str(&w->line, "}\n") == TRI_OK ? TRI_OK : err_memory(err, w->line.len);
}

tri_status hit_writer_put(hit_writer *w, const hit_writer_query *query, size_t rank, const tri_hit *hit, tri_error *err)
{
    buf_clear(&w->line);
    TRI_TRY(w->plan.format == HIT_WRITER_TREC ? put_trec(w, query, rank, hit, err) : put_object(w, query, rank, hit, err));
    if (w->file) return out_file_write(w->file, w->line.data, w->line.len, err);
    return buf_append(w->plan.into, w->line.data, w->line.len) ? err_memory(err, w->line.len) : TRI_OK;
}

tri_status hit_writer_commit(hit_writer *w, tri_error *err)
{
    tri_status st = w->file ? out_file_commit(w->file, err) : TRI_OK;
    buf_drop(&w->line);
    mem_free(w);
    return st;
}

void hit_writer_discard(hit_writer *w)
{
    if (!w) return;
    out_file_discard(w->file);
    buf_drop(&w->line);
    mem_free(w);
}

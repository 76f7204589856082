/* SPDX-License-Identifier: Apache-2.0 */
/* rerank_groups.c — {"query", "passages": [{"id", "text"}]} lines to pairs.
 *
 * An empty list of passages is an answer of its own (nothing to rank), a missing one is an error. Ids may repeat and may be
 * numbers or strings; a passage may be a bare string, whose id is its place. */
#include "cli/rerank_groups.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "cli/json_out.h"

enum { WINDOW_PAIRS = 4096, WINDOW_BYTES = 16 << 20 };

tri_status rerank_groups_open(rerank_groups *g, const char *path, const setup_args *args, size_t n_vocab, tri_error *err)
{
    memset(g, 0, sizeof *g);
    TRI_TRY(object_lines_open(&g->lines, path, args, err));
    arena_init(&g->memory, 0);
    g->n_vocab = n_vocab;
    return TRI_OK;
}

void rerank_groups_close(rerank_groups *g)
{
    object_lines_close(&g->lines);
    arena_drop(&g->memory);
    mem_free(g->groups);
    mem_free(g->pairs);
}

uint64_t rerank_groups_bytes(const rerank_groups *g)
{
    return line_reader_bytes(g->lines.reader);
}

static tri_status keep(rerank_groups *g, tri_text text, tri_text *out, tri_error *err)
{
    char *copy = arena_copy(&g->memory, text.bytes, text.len);
    if (!copy) return err_memory(err, text.len);
    *out = (tri_text){copy, text.len};
    return TRI_OK;
}

static tri_status add_pair(rerank_groups *g, tri_pair pair, tri_error *err)
{
    if (g->n_pairs == g->cap_pairs) {
        size_t cap = g->cap_pairs ? 2 * g->cap_pairs : 256;
        tri_pair *pairs = mem_realloc(g->pairs, cap * sizeof *pairs);
        if (!pairs) return err_memory(err, cap * sizeof *pairs);
        g->pairs = pairs;
        g->cap_pairs = cap;
    }
    g->pairs[g->n_pairs++] = pair;
    return TRI_OK;
}

static tri_status keep_id(rerank_groups *g, const object_line *line, const json_t *id, size_t place, tri_text *out,
                          tri_error *err)
{
    char number[24];
    if (!id || json_is_null(id)) {
        int n = snprintf(number, sizeof number, "%zu", place);
        return keep(g, (tri_text){number, (size_t)n}, out, err);
    }
    if (!json_is_string(id) && !json_is_number(id))
        return object_lines_bad(&g->lines, line->number, err, "the \"id\" of passage %zu is neither a string nor a number",
                                place);
    if (json_is_real(id) && fabs(json_real_value(id)) >= 0x1p63) /* an integer past 64 bits was read as a double */
        return object_lines_bad(&g->lines, line->number, err,
                                "the \"id\" of passage %zu is a number past 64 bits, which would be rounded; put it in quotes",
                                place);
    buf text;
    buf_init(&text, 0);
    tri_status st = json_out_scalar(&text, id) ? err_memory(err, text.len) : TRI_OK;
    if (!st) st = keep(g, (tri_text){(const char *)text.data, text.len}, out, err);
    buf_drop(&text);
    return st;
}

static tri_status read_passage(rerank_groups *g, const object_line *line, const json_t *item, rerank_group *group,
                               tri_error *err)
{
    const json_t *text = json_is_string(item) ? item : json_object_get(item, "text");
    size_t place = group->n;
    if (!json_is_string(item) && !json_is_object(item))
        return object_lines_bad(&g->lines, line->number, err, "passage %zu is not an object", place);
    if (!json_is_string(text))
        return object_lines_bad(&g->lines, line->number, err, "passage %zu has no \"text\" that is a string", place);
    tri_pair pair = {.query = group->query};
    TRI_TRY(keep(g, (tri_text){json_string_value(text), json_string_length(text)}, &pair.passage, err));
    TRI_TRY(keep_id(g, line, json_object_get(item, "id"), place, &group->ids[place], err));
    TRI_TRY(add_pair(g, pair, err));
    group->n++;
    return TRI_OK;
}

static tri_status read_query(rerank_groups *g, const object_line *line, rerank_group *group, tri_error *err)
{
    tri_text query;
    TRI_TRY(object_lines_text(&g->lines, line, "query", &query, err));
    if (!query.bytes) return object_lines_bad(&g->lines, line->number, err, "there is no \"query\"");
    const json_t *list = json_object_get(line->object, "passages");
    if (!json_is_array(list))
        return object_lines_bad(&g->lines, line->number, err, "%s",
                                list ? "\"passages\" is not a list" : "there is no \"passages\"");
    TRI_TRY(keep(g, query, &group->query, err));
    size_t n = json_array_size(list);
    group->ids = arena_array(&g->memory, n + 1, sizeof *group->ids);
    if (!group->ids) return err_memory(err, (n + 1) * sizeof *group->ids);
    for (size_t i = 0; i < n; i++) TRI_TRY(read_passage(g, line, json_array_get(list, i), group, err));
    return TRI_OK;
}

static tri_status read_ids(rerank_groups *g, const object_line *line, rerank_group *group, tri_error *err)
{
    uint32_t *ids;
    uint8_t *types;
    size_t n;
    TRI_TRY(object_lines_ids(&g->lines, line, g->n_vocab, &ids, &types, &n, err));
    uint32_t *kept = arena_array(&g->memory, n, sizeof *kept);
    uint8_t *kept_types = arena_alloc(&g->memory, n);
    tri_status st = kept && kept_types ? TRI_OK : err_memory(err, 5 * n);
    if (!st) memcpy(kept, ids, n * sizeof *kept);
    if (!st && types) memcpy(kept_types, types, n);
    tri_pair pair = {.ids = kept, .type_ids = types ? kept_types : NULL, .n_ids = n};
    mem_free(ids);
    mem_free(types);
    group->as_ids = true;
    group->n = 1;
    return st ? st : add_pair(g, pair, err);
}

static tri_status add_group(rerank_groups *g, const object_line *line, tri_error *err)
{
    if (g->n == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 64;
        rerank_group *groups = mem_realloc(g->groups, cap * sizeof *groups);
        if (!groups) return err_memory(err, cap * sizeof *groups);
        g->groups = groups;
        g->cap = cap;
    }
    rerank_group group = {.first = g->n_pairs};
    if (!line->object)
        return object_lines_bad(&g->lines, line->number, err, "queries and passages are JSON objects, not lines of text");
    bool as_ids = !json_object_get(line->object, "query") && json_object_get(line->object, "ids");
    tri_status st = as_ids ? read_ids(g, line, &group, err) : read_query(g, line, &group, err);
    if (st)
        g->n_pairs = group.first; /* of a line that is skipped nothing stays */
    else
        g->groups[g->n++] = group;
    return st;
}

tri_status rerank_groups_fill(rerank_groups *g, tri_error *err)
{
    uint64_t from = rerank_groups_bytes(g);
    arena_restore(&g->memory, (arena_mark){NULL, 0});
    g->n = g->n_pairs = 0;
    while (!g->at_end && g->n_pairs < WINDOW_PAIRS && (!g->n || rerank_groups_bytes(g) - from < WINDOW_BYTES)) {
        object_line line;
        TRI_TRY(cli_check_stop(err));
        tri_status st = object_lines_next(&g->lines, &line, err);
        g->at_end = st == TRI_OK && !line.number;
        if (!st && !g->at_end) st = add_group(g, &line, err);
        if (st) TRI_TRY(object_lines_refuse(&g->lines, st, err));
    }
    return TRI_OK;
}

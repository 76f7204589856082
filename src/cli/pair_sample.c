/* SPDX-License-Identifier: Apache-2.0 */
/* pair_sample.c — reads windows of groups (rerank_groups.h); a pair that is drawn is tokenised, the others are not. */
#include "cli/pair_sample.h"

#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "cli/rerank_groups.h"

enum { MAX_LENGTH = 512 };

bool pair_sample_is(cli *c, const char *path)
{
    object_lines l;
    object_line line = {0};
    tri_error err;
    if (strcmp(path, "-") == 0 || object_lines_open(&l, path, &c->shared, &err)) return false;
    bool found = object_lines_next(&l, &line, &err) == TRI_OK && line.object && json_object_get(line.object, "passages");
    object_lines_close(&l);
    return found;
}

static tri_status keep(text_sample *s, size_t place, const tri_pair *pair, tri_tokenizer *tok, tri_error *err)
{
    tri_tokenize_options o;
    tri_tokens t = {.ids = pair->ids, .type_ids = pair->type_ids, .count = pair->n_ids};
    tri_tokenize_options_init(&o);
    o.max_length = MAX_LENGTH;
    if (!pair->ids) TRI_TRY(tri_tokenize(tok, &o, pair->query, &pair->passage, &t, err));
    uint32_t *ids = arena_array(&s->memory, t.count + 1, sizeof *ids);
    uint8_t *types = arena_alloc(&s->memory, t.count + 1);
    if (!ids || !types) return err_memory(err, 5 * t.count);
    memcpy(ids, t.ids, t.count * sizeof *ids);
    memset(types, 0, t.count);
    if (t.type_ids) memcpy(types, t.type_ids, t.count);
    return text_sample_put(s, place, (tri_input){.ids = ids, .type_ids = types, .n_ids = t.count}, s->n_seen, err);
}

static tri_status read_window(text_sample *s, const rerank_groups *g, size_t most, rng *draw, tri_tokenizer *tok,
                              tri_error *err)
{
    for (size_t i = 0; i < g->n_pairs; i++) {
        s->n_seen++;
        size_t place = s->n < most ? s->n : (size_t)rng_below(draw, s->n_seen);
        if (place < most) TRI_TRY(keep(s, place, &g->pairs[i], tok, err));
    }
    return TRI_OK;
}

static tri_status read_file(text_sample *s, cli *c, size_t most, rng *draw, tri_tokenizer *tok, tri_error *err)
{
    rerank_groups g;
    TRI_TRY(rerank_groups_open(&g, s->path, &c->shared, 0, err));
    tri_status st = rerank_groups_fill(&g, err);
    while (!st && g.n) {
        st = read_window(s, &g, most, draw, tok, err);
        if (!st) st = rerank_groups_fill(&g, err);
    }
    if (!st) object_lines_report(&g.lines, c);
    rerank_groups_close(&g);
    return st;
}

tri_status pair_sample_draw(text_sample *s, cli *c, const char *path, const char *dir, size_t most, tri_error *err)
{
    rng draw;
    tri_tokenizer *tok;
    text_sample_begin(s, path);
    rng_seed(&draw, TEXT_SAMPLE_SEED);
    TRI_TRY(setup_open_tokenizer(&c->shared, dir, &tok, err));
    tri_status st = read_file(s, c, most, &draw, tok, err);
    tri_tokenizer_close(tok);
    if (!st) text_sample_shuffle(s, &draw);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* text_sample.c — see text_sample.h. A text that is drawn and later makes room for another one leaves its bytes in the arena:
 * of a file of n texts that is most * ln(n / most) of them, ten times the sample for a file of ten million. */
#include "cli/text_sample.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/rng.h"
#include "cli/seen_ids.h"

enum {
    WINDOW_RECORDS = 4096,
    WINDOW_BYTES = 1 << 20,
    ALL_MOST = 300000 /* texts of 1 KB: all that a machine for this work has to spare */
};

static tri_status grow(text_sample *s, tri_error *err)
{
    if (s->n < s->cap) return TRI_OK;
    size_t cap = s->cap ? 2 * s->cap : 512;
    tri_input *inputs = mem_realloc(s->inputs, cap * sizeof *inputs);
    if (inputs) s->inputs = inputs;
    tri_text *ids = mem_realloc(s->ids, cap * sizeof *ids);
    if (ids) s->ids = ids;
    uint64_t *lines = mem_realloc(s->lines, cap * sizeof *lines);
    if (lines) s->lines = lines;
    if (!inputs || !ids || !lines) return err_memory(err, cap * sizeof *inputs);
    s->cap = cap;
    return TRI_OK;
}

static tri_status keep(text_sample *s, size_t place, const record *r, tri_error *err)
{
    tri_input in = r->input;
    size_t total = in.text.len + r->key.len + in.n_ids * (sizeof *in.ids + 1);
    char *id = arena_copy(&s->memory, r->key.bytes, r->key.len), *text = arena_copy(&s->memory, in.text.bytes, in.text.len);
    if (!id || !text) return err_memory(err, total);
    if (in.ids) {
        uint32_t *ids = arena_array(&s->memory, in.n_ids + 1, sizeof *ids);
        uint8_t *types = in.type_ids ? arena_alloc(&s->memory, in.n_ids + 1) : NULL;
        if (!ids || (in.type_ids && !types)) return err_memory(err, total);
        memcpy(ids, in.ids, in.n_ids * sizeof *ids);
        if (types) memcpy(types, in.type_ids, in.n_ids);
        in.ids = ids;
        in.type_ids = types;
    }
    in.text.bytes = text;
    TRI_TRY(text_sample_put(s, place, in, r->line, err));
    s->ids[place] = (tri_text){id, r->key.len};
    return TRI_OK;
}

static tri_status read_window(text_sample *s, const record_reader *r, size_t most, rng *draw, seen_ids *seen, tri_error *err)
{
    for (size_t i = 0; i < r->n; i++) {
        if (seen) TRI_TRY(seen_ids_add(seen, &r->records[i], err));
        s->n_seen++;
        size_t place = s->n < most ? s->n : (size_t)rng_below(draw, s->n_seen);
        if (seen && s->n == most) {
            err_set(err, TRI_ERR_LIMIT, "could not take in %s: it has more than %zu texts", s->path, most);
            return err_hint(err, TRI_ERR_LIMIT, "measure on a part of the corpus that holds the judged texts");
        }
        if (place >= most) continue;
        TRI_TRY(keep(s, place, &r->records[i], err));
    }
    return TRI_OK;
}

static tri_status read_file(text_sample *s, cli *c, size_t most, rng *draw, seen_ids *seen, tri_error *err)
{
    record_reader r;
    tri_status st = record_reader_open(&r, s->path, &c->shared, 0, err);
    while (!st) {
        st = record_reader_fill(&r, WINDOW_RECORDS, WINDOW_BYTES, err);
        if (st || !r.n) break;
        st = read_window(s, &r, most, draw, seen, err);
        if (!st) st = cli_check_stop(err);
    }
    if (!st) object_lines_report(&r.lines, c);
    record_reader_close(&r);
    return st;
}

static void swap_texts(text_sample *s, size_t a, size_t b)
{
    tri_input input = s->inputs[a];
    tri_text id = s->ids[a];
    uint64_t line = s->lines[a];
    s->inputs[a] = s->inputs[b], s->ids[a] = s->ids[b], s->lines[a] = s->lines[b];
    s->inputs[b] = input, s->ids[b] = id, s->lines[b] = line;
}

void text_sample_begin(text_sample *s, const char *path)
{
    memset(s, 0, sizeof *s);
    s->path = path;
    arena_init(&s->memory, 0);
}

void text_sample_shuffle(text_sample *s, rng *draw)
{
    for (size_t i = s->n; i > 1; i--) swap_texts(s, i - 1, (size_t)rng_below(draw, i));
}

tri_status text_sample_put(text_sample *s, size_t place, tri_input input, uint64_t line, tri_error *err)
{
    TRI_TRY(grow(s, err));
    s->inputs[place] = input;
    s->ids[place] = (tri_text){"", 0};
    s->lines[place] = line;
    if (place == s->n) s->n++;
    return TRI_OK;
}

tri_status text_sample_draw(text_sample *s, cli *c, const char *path, size_t most, tri_error *err)
{
    rng draw;
    text_sample_begin(s, path);
    rng_seed(&draw, TEXT_SAMPLE_SEED);
    TRI_TRY(read_file(s, c, most, &draw, NULL, err));
    text_sample_shuffle(s, &draw);
    return TRI_OK;
}

tri_status text_sample_all(text_sample *s, cli *c, const char *path, tri_error *err)
{
    rng draw;
    seen_ids seen;
    text_sample_begin(s, path);
    rng_seed(&draw, TEXT_SAMPLE_SEED);
    seen_ids_init(&seen, path);
    tri_status st = read_file(s, c, ALL_MOST, &draw, &seen, err);
    seen_ids_drop(&seen);
    return st;
}

void text_sample_drop(text_sample *s)
{
    arena_drop(&s->memory);
    mem_free(s->inputs);
    mem_free(s->ids);
    mem_free(s->lines);
    memset(s, 0, sizeof *s);
}

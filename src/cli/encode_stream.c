/* SPDX-License-Identifier: Apache-2.0 */
/* encode_stream.c — see encode_stream.h.
 *
 * Window size. A forward pass takes a few thousand tokens; sorting by length pays when a window holds tens of passes. 1 MiB of
 * text is about 250,000 tokens. Multi-vector rows cost 4 x D' bytes a token (4 KB at 1024), so a window with them is 128 KiB:
 * at four bytes of text a token 128 MB of results, at the worst (one byte a token) 512 MB. That is the most: on a slow machine
 * a window is kept to some seconds of work, because Ctrl-C loses the window at hand and an index commits between windows.
 * Results do not depend on windows. */
#include "cli/encode_stream.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"

enum { WINDOW_RECORDS = 4096, WINDOW_BYTES = 1 << 20, WINDOW_BYTES_MULTI = 128 << 10, WINDOW_BYTES_LEAST = 16 << 10 };
static const double WINDOW_SECONDS_SHORT = 2, WINDOW_SECONDS_LONG = 8;

/* Moves the wanted records to the front. */
static size_t choose(encode_stream *s, record_reader *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!s->wanted || s->wanted(s->ctx, &r->records[i])) r->records[kept++] = r->records[i];
    s->n_left_out += r->n - kept;
    return kept;
}

static size_t token_limit(const encode_stream *s)
{
    return s->c->shared.max_length ? s->c->shared.max_length : s->model->info.max_tokens;
}

bool encode_stream_failed_input(const tri_error *err, size_t count, size_t *failed, const char **text)
{
    static const char lead[] = "input ";
    const char *p = err->text + sizeof lead - 1;
    *failed = 0;
    *text = err->text;
    if (count == 1) return true;
    if (strncmp(err->text, lead, sizeof lead - 1) != 0) return false;
    size_t digits = strspn(p, "0123456789");
    uint64_t place;
    if (!number_parse_u64(p, digits, &place) || place >= count || strncmp(p + digits, ": ", 2) != 0) return false;
    *failed = (size_t)place;
    *text = p + digits + 2;
    return true;
}

/* The library names a text by its place in the call; the user knows lines. Under --skip-bad the record is taken out of the
 * window (true) and the rest can be tried again: texts are read before the first pass, so little is done twice. */
static bool leave_out_failed(encode_stream *s, record_reader *r, size_t *n, tri_status *st, tri_error *err)
{
    size_t failed;
    const char *text;
    tri_error said;
    if (!encode_stream_failed_input(err, *n, &failed, &text)) return false;
    err_set(&said, *st, "%s line %" PRIu64 ": %s", strcmp(s->path, "-") == 0 ? "standard input" : s->path,
            r->records[failed].line, text);
    memcpy(said.hint, err->hint, sizeof said.hint);
    *err = said;
    if (object_lines_refuse(&r->lines, *st, err) != TRI_OK) return false;
    memmove(r->records + failed, r->records + failed + 1, (*n - failed - 1) * sizeof *r->records);
    *n -= 1;
    return true;
}

static tri_status embed(encode_stream *s, const record *records, size_t n, tri_embeddings **e, tri_error *err)
{
    tri_input *inputs = mem_array(n, sizeof *inputs);
    if (!inputs) return err_memory(err, n * sizeof *inputs);
    for (size_t i = 0; i < n; i++) inputs[i] = records[i].input;
    tri_status st = tri_embed(s->model->session, &s->options, inputs, n, e, err);
    mem_free(inputs);
    return st;
}

static tri_status encode_window(encode_stream *s, record_reader *r, size_t n, tri_error *err)
{
    tri_embeddings *e = NULL;
    tri_status st;
    do {
        if (!n) return TRI_OK;
        st = embed(s, r->records, n, &e, err);
    } while (st && leave_out_failed(s, r, &n, &st, err));
    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        s->n_tokens += tri_embeddings_tokens(e, i);
        s->n_truncated += tri_embeddings_truncated(e, i) != 0;
    }
    s->n_texts += n;
    st = s->put(s->ctx, r->records, n, e, err);
    tri_embeddings_free(e);
    return st;
}

/* The next window's size after one that took `seconds`. */
static size_t adapt(size_t bytes, double seconds, size_t most)
{
    if (seconds < WINDOW_SECONDS_SHORT) return bytes < most / 2 ? bytes * 2 : most;
    if (seconds > WINDOW_SECONDS_LONG && bytes > WINDOW_BYTES_LEAST) return bytes / 2;
    return bytes;
}

static tri_status run_windows(encode_stream *s, record_reader *r, tri_error *err)
{
    bool has_multi = (s->options.want ? s->options.want : s->model->info.want) & TRI_MULTI;
    size_t most = has_multi ? WINDOW_BYTES_MULTI : WINDOW_BYTES, bytes = 2 * WINDOW_BYTES_LEAST;
    size_t records = s->window_records ? s->window_records : WINDOW_RECORDS;
    progress_begin(&s->c->bar, s->what, s->unit, object_lines_extent(s->path), s->c->shared.quiet);
    for (uint64_t from = 0;;) {
        double began = progress_seconds(&s->c->bar);
        TRI_TRY(record_reader_fill(r, records, bytes, err));
        if (!r->n) return cli_check_stop(err);
        uint64_t to = record_reader_bytes(r);
        size_t n = choose(s, r);
        s->c->bar.there = s->n_left_out;
        progress_span(&s->c->bar, from, to, n);
        if (!n) progress_skip(&s->c->bar);
        TRI_TRY(encode_window(s, r, n, err));
        TRI_TRY(cli_check_stop(err));
        bytes = adapt(bytes, progress_seconds(&s->c->bar) - began, most);
        from = to;
    }
}

static void report(encode_stream *s, const record_reader *r)
{
    progress_end(&s->c->bar);
    if (s->n_truncated)
        cli_note(s->c, "%" PRIu64 " of %" PRIu64 " texts %s longer than %zu tokens: cut at the tail", s->n_truncated,
                 s->n_texts, s->n_truncated == 1 ? "was" : "were", token_limit(s));
    object_lines_report(&r->lines, s->c);
}

tri_status encode_stream_run(encode_stream *s, tri_error *err)
{
    record_reader r;
    s->options.on_long = s->c->shared.on_long;
    s->options.progress = progress_tick;
    s->options.progress_ctx = &s->c->bar;
    tri_status st = record_reader_open(&r, s->path, &s->c->shared, s->model->info.vocab, err);
    if (st == TRI_OK) st = run_windows(s, &r, err);
    if (st == TRI_OK) report(s, &r);
    record_reader_close(&r);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* encode_stream.c — see encode_stream.h.
 *
 * Window size. A forward pass takes a few thousand tokens; sorting by length pays when a window holds tens of passes. 1 MiB of
 * text is about 250,000 tokens. Multi-vector rows cost 4 x D' bytes a token (4 KB at 1024), so a window with them is 128 KiB:
 * at four bytes of text a token 128 MB of results, at the worst (one byte a token) 512 MB. */
#include "cli/encode_stream.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"

enum { WINDOW_RECORDS = 4096, WINDOW_BYTES = 1 << 20, WINDOW_BYTES_MULTI = 128 << 10 };

/* Moves the wanted records to the front. */
static size_t choose(encode_stream *s, record_reader *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!s->wanted || s->wanted(s->ctx, &r->records[i])) r->records[kept++] = r->records[i];
    s->n_left_out += r->n - kept;
    return kept;
}

static const char *prompt_in_force(const encode_stream *s)
{
    const char *prompt = s->options.prompt;
    if (!prompt && s->options.role == TRI_ROLE_QUERY) prompt = s->model->info.prompt_query;
    if (!prompt && s->options.role == TRI_ROLE_PASSAGE) prompt = s->model->info.prompt_passage;
    return prompt ? prompt : "";
}

/* Tokens of one input as the encoder counts them; 0 when they cannot be counted. */
static size_t count_tokens(encode_stream *s, tri_tokenizer *tokenizer, const tri_input *input, buf *text)
{
    tri_tokenize_options o;
    tri_tokens tokens;
    if (input->ids) return input->n_ids;
    tri_tokenize_options_init(&o);
    buf_clear(text);
    if (buf_str(text, prompt_in_force(s)) != TRI_OK || buf_append(text, input->text.bytes, input->text.len) != TRI_OK) return 0;
    tri_text whole = {(const char *)text->data, text->len};
    return tri_tokenize(tokenizer, &o, whole, NULL, &tokens, NULL) == TRI_OK ? tokens.count : 0;
}

static size_t token_limit(const encode_stream *s)
{
    return s->c->shared.max_length ? s->c->shared.max_length : s->model->info.max_tokens;
}

/* The library names a text by its place in the call; the user knows lines. Finds the first text over the limit again. */
static tri_status name_long_text(encode_stream *s, const record *records, size_t n, tri_status st, tri_error *err)
{
    tri_tokenizer *tokenizer = tri_model_tokenizer(s->model->model);
    buf text;
    buf_init(&text, 0);
    for (size_t i = 0; tokenizer && i < n; i++) {
        size_t count = count_tokens(s, tokenizer, &records[i].input, &text);
        if (count <= token_limit(s)) continue;
        err_set(err, st, "could not encode %s line %" PRIu64 ": the text has %zu tokens, the limit is %zu",
                strcmp(s->path, "-") == 0 ? "standard input" : s->path, records[i].line, count, token_limit(s));
        err_hint(err, st, "raise --max-length, or cut the tail with --on-long truncate");
        break;
    }
    buf_drop(&text);
    return st;
}

static tri_status encode_window(encode_stream *s, record *records, size_t n, tri_error *err)
{
    tri_embeddings *e = NULL;
    tri_input *inputs = mem_array(n, sizeof *inputs);
    if (!inputs) return err_memory(err, n * sizeof *inputs);
    for (size_t i = 0; i < n; i++) inputs[i] = records[i].input;
    tri_status st = tri_embed(s->model->session, &s->options, inputs, n, &e, err);
    mem_free(inputs);
    if (st == TRI_ERR_LIMIT && s->options.on_long == TRI_LONG_ERROR) return name_long_text(s, records, n, st, err);
    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        s->n_tokens += tri_embeddings_tokens(e, i);
        s->n_truncated += tri_embeddings_truncated(e, i) != 0;
    }
    s->n_texts += n;
    st = s->put(s->ctx, records, n, e, err);
    tri_embeddings_free(e);
    return st;
}

static tri_status run_windows(encode_stream *s, record_reader *r, tri_error *err)
{
    bool has_multi = (s->options.want ? s->options.want : s->model->info.want) & TRI_MULTI;
    progress_begin(&s->c->bar, s->what, s->unit, object_lines_extent(s->path), s->c->shared.quiet);
    for (uint64_t from = 0;;) {
        TRI_TRY(record_reader_fill(r, WINDOW_RECORDS, has_multi ? WINDOW_BYTES_MULTI : WINDOW_BYTES, err));
        if (!r->n) return cli_check_stop(err);
        uint64_t to = record_reader_bytes(r);
        size_t n = choose(s, r);
        progress_span(&s->c->bar, from, to, n);
        if (n) TRI_TRY(encode_window(s, r->records, n, err));
        TRI_TRY(cli_check_stop(err));
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

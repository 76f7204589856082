/* SPDX-License-Identifier: Apache-2.0 */
/* bench_tokenizer.c — how fast is a tokenizer opened, and how fast does it read?
 *
 *   bench_tokenizer MODEL FILE...      prints a line a file: bytes, tokens, MB/s line by line and of the whole file as one text
 *
 * One thread, processor time, best of five runs; the first line is the time to open with the file in the page cache.
 * bench_tokenizer.py runs the reference in turns with it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "tokenizer/tokenizer.h"

enum { N_RUNS = 5 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int fail(const tri_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static tri_status encode_lines(const tokenizer *t, tokenizer_scratch *s, const buf *text, size_t *n_tokens, tri_error *err)
{
    *n_tokens = 0;
    for (size_t at = 0; at < text->len;) {
        const uint8_t *end = memchr(text->data + at, '\n', text->len - at);
        size_t len = end ? (size_t)(end - text->data) - at : text->len - at;
        encoding e;
        tri_text line = {(const char *)text->data + at, len};
        tri_status st = tokenizer_encode(t, s, line, NULL, NULL, &e, err);
        if (st) return st;
        *n_tokens += e.n;
        at += len + 1;
    }
    return TRI_OK;
}

int main(int argc, char **argv)
{
    tri_error err;
    tokenizer *t = NULL;
    tokenizer_scratch *s;
    double best = 1e30;
    if (argc < 2) return 2;
    for (int i = 0; i < N_RUNS; i++) {
        tokenizer_close(t);
        double start = now_ms();
        if (tokenizer_open(argv[1], TOKENIZER_RULES_FILE, &t, &err)) return fail(&err);
        if (now_ms() - start < best) best = now_ms() - start;
    }
    printf("open %.1f ms\n", best);
    if (tokenizer_scratch_new(&s, &err)) return fail(&err);
    for (int a = 2; a < argc; a++) {
        buf text;
        double lines_ms = 1e30, whole_ms = 1e30;
        size_t n_tokens = 0;
        buf_init(&text, 0);
        if (file_read_all(argv[a], SIZE_MAX, &text, &err)) return fail(&err);
        for (int i = 0; i < N_RUNS; i++) {
            double start = now_ms();
            if (encode_lines(t, s, &text, &n_tokens, &err)) return fail(&err);
            if (now_ms() - start < lines_ms) lines_ms = now_ms() - start;
            start = now_ms();
            encoding e;
            tri_text whole = {(const char *)text.data, text.len};
            if (tokenizer_encode(t, s, whole, NULL, NULL, &e, &err)) return fail(&err);
            if (now_ms() - start < whole_ms) whole_ms = now_ms() - start;
        }
        printf("%s: %zu bytes, %zu tokens, lines %.1f MB/s, whole %.1f MB/s\n", argv[a], text.len, n_tokens,
               (double)text.len / lines_ms / 1e3, (double)text.len / whole_ms / 1e3);
        buf_drop(&text);
    }
    tokenizer_scratch_free(s);
    tokenizer_close(t);
    return 0;
}

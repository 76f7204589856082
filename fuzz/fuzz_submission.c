/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_submission.c — any bytes as an organiser's sample: refused in words, or learnt and then read again by what was
 * learnt, with as many pairs as were counted and never a pair without a query. The bytes are also rows of a table under each
 * separator. */
#include <stdlib.h>
#include <string.h>

#include "formats/csv.h"
#include "lab/submission_learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) abort();
}

static tri_status on_query(void *ctx, const submission_entry *e, tri_error *err)
{
    (void)ctx;
    (void)err;
    must(e->query.bytes != NULL);
    return TRI_OK;
}

static tri_status on_entry(void *ctx, const submission_entry *e, tri_error *err)
{
    (void)err;
    must(e->query.bytes && e->doc.bytes);
    ++*(size_t *)ctx;
    return TRI_OK;
}

static void learn(const submission_source *source, bool lenient)
{
    submission_hints hints = {.lenient = lenient};
    submission_sample s;
    tri_error err = {0};
    size_t n = 0;
    if (submission_learn(source, &hints, &s, &err) != TRI_OK) {
        must(err.text[0] != 0);
        return;
    }
    submission_sink sink = {.ctx = &n, .query = on_query, .entry = on_entry};
    must(submission_read(&s.format, source, &sink, &err) == TRI_OK);
    must(n == s.format.n_entries && s.queries.n == s.format.n_queries);
    submission_sample_drop(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = {',', '\t', ';', CSV_BLANKS};
    submission_source source = {.what = "fuzz", .bytes = {size ? (const char *)data : "", size}};
    for (size_t i = 0; i < sizeof separators; i++) {
        csv_reader r;
        bool found;
        tri_error err = {0};
        csv_init(&r, source.bytes.bytes, size, separators[i], "fuzz");
        tri_status st;
        while (!(st = csv_next(&r, &found, &err)) && found) must(r.n > 0);
        must(st == TRI_OK || err.text[0]);
        csv_drop(&r);
    }
    learn(&source, false);
    learn(&source, true);
    return 0;
}

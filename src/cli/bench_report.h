/* SPDX-License-Identifier: Apache-2.0 */
/* bench_report.h — the rows of `trident bench`: as a table, as JSON, and appended to a CSV file that gathers machines and
 * commits. */
#ifndef TRI_CLI_BENCH_REPORT_H
#define TRI_CLI_BENCH_REPORT_H

#include "cli/bench_peak.h"
#include "cli/bench_shapes.h"
#include "trident/experimental.h"

typedef struct bench_timing {
    size_t runs;
    double min_ms, p50_ms, p95_ms, max_ms;
} bench_timing;

typedef struct bench_row {
    const bench_shape *shape;
    size_t round; /* from 1 */
    bench_timing t;
    bench_peak peak;
    double card_ms; /* p50 by the card's own clock; 0: on the processor */
    double ops;     /* of one run */
} bench_row;

/* What all rows of a call have in common. */
typedef struct bench_context {
    const char *model, *want, *engine_text;
    tri_engine_info engine;
    char cpu[192], date[32];
    uint64_t private_bytes; /* once the model is open */
} bench_context;

/* git describe of the source that was built, or "unknown". */
extern const char bench_report_commit[];

void bench_report_context(const setup_model *m, const char *name, unsigned want, bench_context *out);

tri_status bench_report_text_head(const bench_context *x, buf *out);
tri_status bench_report_text_row(const bench_row *r, buf *out, tri_error *err);
/* What the process took of memory. */
tri_status bench_report_text_end(const bench_context *x, buf *out);
tri_status bench_report_json_head(const bench_context *x, buf *out);
tri_status bench_report_json_row(const bench_row *r, buf *out, tri_error *err);
tri_status bench_report_json_end(const bench_context *x, buf *out);

tri_status bench_report_csv_row(const bench_context *x, const bench_row *r, buf *out);
/* The rows behind those that are in the file, which is made where it is missing. A file with other columns is refused. With no
 * rows it tells, before an hour of measurements, whether rows can go there. */
tri_status bench_report_csv_append(const char *path, const buf *rows, tri_error *err);

#endif

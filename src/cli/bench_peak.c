/* SPDX-License-Identifier: Apache-2.0 */
/* bench_peak.c — see bench_peak.h. The loops are the library's (tri_measure_peak). */
#include "cli/bench_peak.h"

#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "trident/experimental.h"

static const double WORTH_OF_TWO = 1.8; /* clocks fall a little when the second core wakes; a shared core gives 1.0 to 1.3 */

static int threads_of(const tri_engine *engine)
{
    tri_engine_info info = {.struct_size = sizeof info};
    tri_engine_info_get(engine, &info);
    return info.threads;
}

static tri_status measure(tri_engine *engine, const char *precision, bench_peak *out, tri_error *err)
{
    int n = threads_of(engine);
    double two = 0;
    *out = (bench_peak){0};
    TRI_TRY(tri_measure_peak(engine, precision, 1, &out->one, err));
    if (n > 1) TRI_TRY(tri_measure_peak(engine, precision, 2, &two, err));
    if (n > 2) TRI_TRY(tri_measure_peak(engine, precision, n, &out->all, err));
    if (n <= 2) out->all = n == 2 ? two : out->one;
    out->cores_shared = n > 1 && two < WORTH_OF_TWO * out->one;
    return TRI_OK;
}

tri_status bench_peak_measure(tri_engine *engine, const char *precision, bench_peak *out, tri_error *err)
{
    tri_status st = measure(engine, precision, out, err);
    if (st != TRI_ERR_UNSUPPORTED) return st;
    *out = (bench_peak){0};
    return TRI_OK;
}

bench_peak bench_peak_join(bench_peak a, bench_peak b)
{
    bench_peak both = {.one = a.one > b.one ? a.one : b.one,
                       .all = a.all > b.all ? a.all : b.all,
                       .cores_shared = a.cores_shared || b.cores_shared};
    return both;
}

static tri_status add_row(const char *precision, int threads, double ops, bool shared, bool json, buf *out)
{
    if (json)
        return buf_printf(out, "%s{\"precision\": \"%s\", \"threads\": %d, \"gflops\": %.1f}",
                          out->data[out->len - 1] == '[' ? "" : ", ", precision, threads, ops / 1e9);
    return buf_printf(out, "%-10s %7d %10.1f%s\n", precision, threads, ops / 1e9, shared ? "  cores shared" : "");
}

static tri_status add_rows(tri_engine *engine, bool json, buf *out, tri_error *err)
{
    static const char *const precisions[] = {"f32", "bf16", "int8"};
    int n = threads_of(engine);
    tri_status st =
        json ? buf_str(out, "{\"peak\": [") : buf_printf(out, "%-10s %7s %10s\n", "precision", "threads", "GFLOP/s");
    for (size_t i = 0; !st && i < sizeof precisions / sizeof *precisions; i++) {
        bench_peak peak;
        TRI_TRY(measure(engine, precisions[i], &peak, err));
        st = add_row(precisions[i], 1, peak.one, false, json, out);
        if (!st && n > 1) st = add_row(precisions[i], n, peak.all, peak.cores_shared, json, out);
    }
    if (!st && json) st = buf_str(out, "]}\n");
    return st ? err_set(err, st, "could not write the peaks") : TRI_OK;
}

tri_status bench_peak_print(tri_engine *engine, bool json, tri_error *err)
{
    buf out;
    buf_init(&out, 0);
    tri_status st = add_rows(engine, json, &out, err);
    if (!st) st = cli_print(&out, err);
    buf_drop(&out);
    return st;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* bench_report.c — see bench_report.h. A share of peak is given of all threads' peak; where there is none (ref) it is null, a
 * dash, or an empty field. The CSV is written anew with its new rows and renamed into place, so that it is never half a row. */
#include "cli/bench_report.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/number.h"
#include "cli/json_out.h"

enum { CSV_MOST = 256 << 20, PROC_MOST = 16 << 20 };
static const char csv_head[] =
    "date,cpu,commit,model,threads,precision,isa,want,shape,round,texts,tokens,runs,tokens/s,texts/s,"
    "GFLOP/s,peak GFLOP/s,peak of one thread,share,p50 ms,p95 ms,note\n";

typedef struct figures {
    double tokens_per_s, texts_per_s, gflops, peak, one, share; /* peak 0 = none */
} figures;

static figures figures_of(const bench_row *r)
{
    double seconds = r->t.p50_ms / 1e3;
    figures f = {.tokens_per_s = (double)r->shape->n_tokens / seconds,
                 .texts_per_s = (double)r->shape->n_texts / seconds,
                 .gflops = r->ops / seconds / 1e9,
                 .peak = r->peak.all / 1e9,
                 .one = r->peak.one / 1e9};
    f.share = f.peak > 0 ? f.gflops / f.peak : 0;
    return f;
}

static bool lengths_differ(const bench_shape *s)
{
    return s->n_tokens != s->n_texts * s->longest;
}

/* ---- the machine -------------------------------------------------------------------------------------------------------- */

/* What follows `key` in a file of /proc whose lines are "key : value"; "" where there is none. The text is the caller's to
 * drop. */
static const char *proc_value(const char *path, const char *key, buf *text)
{
    buf_init(text, 0);
    if (file_read_all(path, PROC_MOST, text, NULL) != TRI_OK || buf_byte(text, 0) != TRI_OK) return "";
    const char *line = strstr((const char *)text->data, key), *colon = line ? strchr(line, ':') : NULL;
    return colon ? colon + 1 + strspn(colon + 1, " \t") : "";
}

/* The kernel's name of the processor; Arm has none there, and the machine's architecture stands for it. */
static void find_cpu(char *out, size_t cap)
{
    struct utsname system;
    buf text;
    const char *name = proc_value("/proc/cpuinfo", "model name", &text);
    if (!*name) name = uname(&system) == 0 ? system.machine : "unknown";
    snprintf(out, cap, "%.*s", (int)strcspn(name, "\n"), name);
    buf_drop(&text);
}

/* A line of /proc/self/status in bytes; 0 where there is none. */
static uint64_t own_memory(const char *key)
{
    uint64_t kib = 0;
    buf text;
    const char *digits = proc_value("/proc/self/status", key, &text);
    number_parse_u64(digits, strspn(digits, "0123456789"), &kib);
    buf_drop(&text);
    return kib << 10;
}

/* On a card its name stands for the processor's, with the driver. */
static void find_card(bench_context *out)
{
    tri_card card = {.struct_size = sizeof card};
    uint64_t ordinal;
    const char *digits = out->engine_text + 5;
    if (strncmp(out->engine_text, "cuda:", 5) != 0 || !number_parse_u64(digits, strspn(digits, "0123456789"), &ordinal) ||
        tri_card_get((int)ordinal, &card, NULL) != TRI_OK)
        return;
    snprintf(out->cpu, sizeof out->cpu, "%s (driver CUDA %d.%d)", card.name, card.driver / 1000, card.driver % 1000 / 10);
}

void bench_report_context(const setup_model *m, const char *name, unsigned want, bench_context *out)
{
    struct tm utc;
    time_t now = time(NULL);
    const char *slash = strrchr(name, '/');
    *out = (bench_context){.model = slash && slash[1] ? slash + 1 : name,
                           .want = setup_want_words(want),
                           .engine_text = tri_engine_describe(m->engine),
                           .engine = {.struct_size = sizeof out->engine},
                           .private_bytes = own_memory("RssAnon")};
    tri_engine_info_get(m->engine, &out->engine);
    if (gmtime_r(&now, &utc)) strftime(out->date, sizeof out->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    find_cpu(out->cpu, sizeof out->cpu);
    find_card(out);
}

/* ---- table -------------------------------------------------------------------------------------------------------------- */

tri_status bench_report_text_head(const bench_context *x, buf *out)
{
    TRI_TRY(buf_printf(out, "%s, %s, %s, %s, commit %s\n", x->model, x->engine_text, x->want, x->cpu, bench_report_commit));
    return buf_printf(out, "%-12s %7s %8s %6s %10s %10s %10s %9s %9s %9s %6s\n", "shape", "texts", "tokens", "runs", "p50 ms",
                      "p95 ms", "tokens/s", "texts/s", "GFLOP/s", "peak", "share");
}

tri_status bench_report_text_row(const bench_row *r, buf *out, tri_error *err)
{
    const bench_shape *s = r->shape;
    figures f = figures_of(r);
    size_t q[BENCH_QUANTILES];
    tri_status st = buf_printf(out, "%-12s %7zu %8zu %6zu %10.2f %10.2f %10.0f %9.1f %9.1f ", s->name, s->n_texts, s->n_tokens,
                               r->t.runs, r->t.p50_ms, r->t.p95_ms, f.tokens_per_s, f.texts_per_s, f.gflops);
    if (!st && f.peak > 0) st = buf_printf(out, "%9.1f %5.1f%%", f.peak, 100 * f.share);
    if (!st && !(f.peak > 0)) st = buf_printf(out, "%9s %6s", "-", "-");
    if (!st && r->card_ms > 0) st = buf_printf(out, "  card %.3f ms", r->card_ms);
    if (!st) st = buf_str(out, r->peak.cores_shared ? "  cores shared\n" : "\n");
    if (!st && lengths_differ(s)) {
        TRI_TRY(bench_shapes_quantiles(s, q, err));
        st = buf_printf(out, "  tokens of a text: min %zu, p25 %zu, p50 %zu, p75 %zu, p95 %zu, max %zu\n", q[0], q[1], q[2],
                        q[3], q[4], q[5]);
    }
    return st ? err_set(err, st, "could not write the table") : TRI_OK;
}

tri_status bench_report_text_end(const bench_context *x, buf *out)
{
    double mib = 1 << 20;
    return buf_printf(out, "memory: %.0f MiB private once the model was open; %.0f MiB at most, pages of files included\n",
                      (double)x->private_bytes / mib, (double)own_memory("VmHWM") / mib);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------------- */

static tri_status add_member(buf *out, const char *key, const char *value)
{
    TRI_TRY(buf_printf(out, "\"%s\": ", key));
    TRI_TRY(json_out_str(out, value));
    return buf_str(out, ", ");
}

tri_status bench_report_json_head(const bench_context *x, buf *out)
{
    TRI_TRY(buf_byte(out, '{'));
    TRI_TRY(add_member(out, "engine", x->engine_text));
    TRI_TRY(add_member(out, "isa", x->engine.isa));
    TRI_TRY(add_member(out, "precision", x->engine.precision));
    TRI_TRY(buf_printf(out, "\"threads\": %d, ", x->engine.threads));
    TRI_TRY(add_member(out, "model", x->model));
    TRI_TRY(add_member(out, "want", x->want));
    TRI_TRY(add_member(out, "cpu", x->cpu));
    TRI_TRY(add_member(out, "commit", bench_report_commit));
    TRI_TRY(add_member(out, "date", x->date));
    return buf_str(out, "\"results\": [");
}

static tri_status add_json_peak(const bench_row *r, const figures *f, buf *out)
{
    if (f->peak > 0)
        TRI_TRY(buf_printf(out, "\"peak_gflops\": %.1f, \"peak_of_one_thread\": %.1f, \"share\": %.4f, ", f->peak, f->one,
                           f->share));
    else
        TRI_TRY(buf_str(out, "\"peak_gflops\": null, \"peak_of_one_thread\": null, \"share\": null, "));
    return buf_printf(out, "\"cores_shared\": %s", r->peak.cores_shared ? "true" : "false");
}

tri_status bench_report_json_row(const bench_row *r, buf *out, tri_error *err)
{
    const bench_shape *s = r->shape;
    figures f = figures_of(r);
    size_t q[BENCH_QUANTILES];
    TRI_TRY(bench_shapes_quantiles(s, q, err));
    tri_status st = buf_str(out, out->data[out->len - 1] == '[' ? "{\"shape\": " : ", {\"shape\": ");
    if (!st) st = json_out_str(out, s->name);
    if (!st)
        st = buf_printf(
            out,
            ", \"round\": %zu, \"texts\": %zu, \"tokens\": %zu, \"runs\": %zu, \"median_ms\": %.4f, \"p95_ms\": %.4f, "
            "\"min_ms\": %.4f, \"max_ms\": %.4f, \"tokens_per_s\": %.1f, \"texts_per_s\": %.2f, \"gflops\": %.2f, ",
            r->round, s->n_texts, s->n_tokens, r->t.runs, r->t.p50_ms, r->t.p95_ms, r->t.min_ms, r->t.max_ms, f.tokens_per_s,
            f.texts_per_s, f.gflops);
    if (!st) st = add_json_peak(r, &f, out);
    if (!st && r->card_ms > 0) st = buf_printf(out, ", \"card_ms\": %.4f", r->card_ms);
    if (!st)
        st = buf_printf(out,
                        ", \"lengths\": {\"min\": %zu, \"p25\": %zu, \"p50\": %zu, \"p75\": %zu, \"p95\": %zu, \"max\": %zu}}",
                        q[0], q[1], q[2], q[3], q[4], q[5]);
    return st ? err_set(err, st, "could not write the results") : TRI_OK;
}

tri_status bench_report_json_end(const bench_context *x, buf *out)
{
    return buf_printf(out, "], \"memory\": {\"private_after_open_bytes\": %llu, \"peak_bytes\": %llu}}\n",
                      (unsigned long long)x->private_bytes, (unsigned long long)own_memory("VmHWM"));
}

/* ---- CSV ---------------------------------------------------------------------------------------------------------------- */

/* A field of a CSV (RFC 4180), and the comma after it. */
static tri_status add_field(buf *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) return buf_printf(out, "%s,", text);
    TRI_TRY(buf_byte(out, '"'));
    for (const char *p = text; *p; p++) {
        if (*p == '"') TRI_TRY(buf_byte(out, '"'));
        TRI_TRY(buf_byte(out, (uint8_t)*p));
    }
    return buf_str(out, "\",");
}

tri_status bench_report_csv_row(const bench_context *x, const bench_row *r, buf *out)
{
    figures f = figures_of(r);
    char threads[16];
    snprintf(threads, sizeof threads, "%d", x->engine.threads);
    const char *const fields[] = {x->date,       x->cpu,  bench_report_commit, x->model, threads, x->engine.precision,
                                  x->engine.isa, x->want, r->shape->name};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) TRI_TRY(add_field(out, fields[i]));
    TRI_TRY(buf_printf(out, "%zu,%zu,%zu,%zu,%.1f,%.2f,%.2f,", r->round, r->shape->n_texts, r->shape->n_tokens, r->t.runs,
                       f.tokens_per_s, f.texts_per_s, f.gflops));
    TRI_TRY(f.peak > 0 ? buf_printf(out, "%.1f,%.1f,%.4f,", f.peak, f.one, f.share) : buf_str(out, ",,,"));
    TRI_TRY(buf_printf(out, "%.4f,%.4f,", r->t.p50_ms, r->t.p95_ms));
    if (r->card_ms > 0) return buf_printf(out, "card p50 %.4f ms\n", r->card_ms);
    return buf_str(out, r->peak.cores_shared ? "cores shared\n" : "\n");
}

static tri_status read_csv(const char *path, buf *out, tri_error *err)
{
    size_t head = sizeof csv_head - 1;
    if (strcmp(path, "-") == 0) return err_set(err, TRI_ERR_ARGUMENT, "--csv takes a file, got \"-\"");
    tri_status st = file_read_all(path, CSV_MOST, out, err);
    if (st && st != TRI_ERR_NOT_FOUND) return st;
    if (!out->len && buf_str(out, csv_head)) return err_memory(err, head);
    if (out->len >= head && memcmp(out->data, csv_head, head) == 0 && out->data[out->len - 1] == '\n') return TRI_OK;
    err_set(err, TRI_ERR_FORMAT, "could not append to %s: it does not hold rows of this command", path);
    return err_hint(err, TRI_ERR_FORMAT, "name another file");
}

static tri_status write_csv(const char *path, const buf *whole, tri_error *err)
{
    out_file *out;
    TRI_TRY(out_file_open(path, &out, err));
    tri_status st = out_file_write(out, whole->data, whole->len, err);
    if (st == TRI_OK) return out_file_commit(out, err);
    out_file_discard(out);
    return st;
}

tri_status bench_report_csv_append(const char *path, const buf *rows, tri_error *err)
{
    buf whole;
    buf_init(&whole, 0);
    tri_status st = read_csv(path, &whole, err);
    if (!st && buf_append(&whole, rows->data, rows->len)) st = err_memory(err, whole.len + rows->len);
    if (!st) st = write_csv(path, &whole, err);
    buf_drop(&whole);
    return st;
}

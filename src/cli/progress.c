/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c — the bar. Rates are over the whole time so far: steady, and the time left follows from the same figure.
 *
 * Position (bytes of input, usually) drives the bar, items and tokens the rates: the number of items is not known before the
 * last line is read, the size of the file is. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/progress_file.h"
#include "cli/signals.h"

/* 0.2 s: smooth to the eye, nothing in a profile. 10 s: the contract of cli.md for logs. 1 s: shorter work needs no bar. */
static const double TERMINAL_EVERY = 0.2, LOG_EVERY = 10.0, FIRST_AFTER = 1.0, TOLD_EVERY = 0.25;
enum { BAR_CELLS = 24 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_begin(progress *p, const char *what, const char *unit, uint64_t extent, bool quiet)
{
    *p = (progress){.what = what, .unit = unit, .on = !quiet, .extent = extent, .began = now()};
    p->terminal = isatty(STDERR_FILENO) == 1;
    p->shown = p->began;
    p->file = progress_file_path();
}

double progress_seconds(const progress *p)
{
    return now() - p->began;
}

/* 12345678 -> "12.3M": a rate is read, not copied */
static void short_number(char out[16], double value)
{
    const char *unit = "";
    if (value >= 1e9)
        value /= 1e9, unit = "G";
    else if (value >= 1e6)
        value /= 1e6, unit = "M";
    else if (value >= 1e4)
        value /= 1e3, unit = "k";
    snprintf(out, 16, value < 100 ? "%.1f%s" : "%.0f%s", value, unit);
}

static void clock_time(char out[24], double seconds)
{
    uint64_t s = seconds < 0 ? 0 : seconds > 3.6e8 ? 360000000 : (uint64_t)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, 24, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 24, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static double fraction(const progress *p)
{
    if (!p->extent) return 0;
    double at = ((double)p->from + p->share * (double)(p->to - p->from)) / (double)p->extent;
    return at > 1 ? 1 : at;
}

static void figures(const progress *p, char *out, size_t cap)
{
    char rate[16], tokens[16] = "", left[24] = "";
    double seconds = now() - p->began, done = fraction(p);
    uint64_t items = p->items + (uint64_t)(p->share * (double)p->span_items);
    uint64_t n_tokens = p->tokens + p->span_tokens;
    short_number(rate, (double)items / (seconds > 0 ? seconds : 1));
    int n = snprintf(out, cap, "%" PRIu64 " %s, %s/s", items, p->unit, rate);
    if (n_tokens && (size_t)n < cap) {
        short_number(tokens, (double)n_tokens / (seconds > 0 ? seconds : 1));
        n += snprintf(out + n, cap - (size_t)n, ", %s tokens/s", tokens);
    }
    double worked = p->extent ? done - (double)p->skipped / (double)p->extent : 0;
    if (worked > 0 && done < 1 && (size_t)n < cap) {
        clock_time(left, seconds * (1 - done) / worked);
        snprintf(out + n, cap - (size_t)n, ", %s left", left);
    }
}

static void draw(progress *p)
{
    char text[160], bar[BAR_CELLS + 1];
    figures(p, text, sizeof text);
    double done = fraction(p);
    if (!p->terminal) {
        if (p->extent)
            fprintf(stderr, "%s: %.0f%%, %s\n", p->what, done * 100, text);
        else
            fprintf(stderr, "%s: %s\n", p->what, text);
    } else if (p->extent) {
        int full = (int)(done * BAR_CELLS);
        memset(bar, '.', BAR_CELLS);
        memset(bar, '#', (size_t)full);
        bar[BAR_CELLS] = '\0';
        fprintf(stderr, "\r\033[K%s [%s] %3.0f%% %s", p->what, bar, done * 100, text);
    } else {
        fprintf(stderr, "\r\033[K%s %s", p->what, text);
    }
    fflush(stderr);
    p->drawn = true;
}

static void maybe_draw(progress *p)
{
    double t = now();
    if (p->file && t - p->told >= TOLD_EVERY) {
        p->told = t;
        progress_file_write(p);
    }
    if (!p->on) return;
    if (t - p->began < FIRST_AFTER || t - p->shown < (p->terminal ? TERMINAL_EVERY : LOG_EVERY)) return;
    p->shown = t;
    draw(p);
}

void progress_span(progress *p, uint64_t from, uint64_t to, uint64_t items)
{
    p->items += p->span_items;
    p->tokens += p->span_tokens;
    p->from = from;
    p->to = to < from ? from : to;
    p->span_items = items;
    p->span_tokens = 0;
    p->share = 0;
    if (items) p->told = 0; /* a new span is told at once */
    maybe_draw(p);
}

void progress_skip(progress *p)
{
    p->skipped += p->to - p->from;
    p->share = 1;
}

int progress_tick(void *ctx, uint64_t done, uint64_t total)
{
    progress *p = ctx;
    p->span_tokens = done;
    p->share = total ? (double)done / (double)total : 0;
    maybe_draw(p);
    return signals_stopped();
}

int progress_whole(void *ctx, uint64_t done, uint64_t total)
{
    progress *p = ctx;
    p->extent = total;
    p->items = done;
    progress_span(p, done, done, 0);
    return signals_stopped();
}

void progress_hide(progress *p)
{
    if (p->on && p->terminal && p->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}

void progress_end(progress *p)
{
    p->told = 0;
    if (p->file) progress_span(p, p->extent, p->extent, 0);
    p->file = NULL;
    if (!p->on || !p->drawn) return;
    progress_span(p, p->extent, p->extent, 0);
    if (p->terminal) {
        char text[160];
        figures(p, text, sizeof text);
        fprintf(stderr, "\r\033[K%s %s\n", p->what, text);
    }
    p->on = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* plan_values.c — the small languages inside a plan's values: times, money, heads, devices, weights. Each parser takes the
 * whole text or refuses it; none allocates. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "lab/plan.h"

/* ---- times -------------------------------------------------------------------------------------------------------- */

static double unit_seconds(char unit)
{
    return unit == 'd' ? 86400 : unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
}

/* "1h30m": numbers, each with a unit */
static bool parse_span(const char *p, double *seconds)
{
    double sum = 0;
    while (*p) {
        size_t n = strspn(p, "0123456789.");
        double value;
        if (!n || !number_parse_f64(p, n, &value) || !p[n] || unit_seconds(p[n]) == 0) return false;
        sum += value * unit_seconds(p[n]);
        p += n + 1;
    }
    *seconds = sum;
    return sum > 0 && isfinite(sum);
}

static bool take_digits(const char **p, int count, int *out)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (!isdigit((unsigned char)(*p)[i])) return false;
        value = value * 10 + ((*p)[i] - '0');
    }
    *p += count;
    *out = value;
    return true;
}

static bool take_char(const char **p, char c)
{
    if (**p != c) return false;
    *p += 1;
    return true;
}

static bool parse_zone(const char *p, int *minutes, bool *is_local)
{
    int hours, rest = 0;
    *minutes = 0;
    *is_local = !*p;
    if (!*p || strcmp(p, "Z") == 0) return true;
    int sign = *p == '-' ? -1 : 1;
    if (*p != '+' && *p != '-') return false;
    p++;
    if (!take_digits(&p, 2, &hours)) return false;
    take_char(&p, ':');
    if (*p && !take_digits(&p, 2, &rest)) return false;
    *minutes = sign * (hours * 60 + rest);
    return !*p && hours < 24 && rest < 60;
}

/* "2026-11-27", "2026-11-27T10:00", "2026-11-27 10:00:00+08:00" */
static bool parse_moment(const char *p, double *at)
{
    struct tm t = {.tm_isdst = -1};
    int zone;
    bool is_local;
    if (!take_digits(&p, 4, &t.tm_year) || !take_char(&p, '-') || !take_digits(&p, 2, &t.tm_mon) || !take_char(&p, '-') ||
        !take_digits(&p, 2, &t.tm_mday))
        return false;
    if (take_char(&p, 'T') || take_char(&p, ' ')) {
        if (!take_digits(&p, 2, &t.tm_hour) || !take_char(&p, ':') || !take_digits(&p, 2, &t.tm_min)) return false;
        if (take_char(&p, ':') && !take_digits(&p, 2, &t.tm_sec)) return false;
    }
    if (t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 ||
        t.tm_min > 59 || t.tm_sec > 60 || !parse_zone(p, &zone, &is_local))
        return false;
    int day = t.tm_mday;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    time_t seconds = is_local ? mktime(&t) : timegm(&t);
    *at = (double)seconds - zone * 60.0;
    return seconds > 0 && t.tm_mday == day; /* the 31st of February is none */
}

bool plan_parse_deadline(const char *text, double *after, double *at)
{
    double value;
    if (parse_span(text, &value)) {
        *after = value;
        *at = 0;
        return true;
    }
    if (!parse_moment(text, &value)) return false;
    *after = 0;
    *at = value;
    return true;
}

/* ---- money -------------------------------------------------------------------------------------------------------- */

static const char *const bill_words[] = {"second", "minute", "hour", "submission"}; /* ORDER plan_bill */

bool plan_parse_bill(const char *text, plan_bill *bill)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(text, bill_words[i]) == 0) {
            *bill = (plan_bill)i;
            return true;
        }
    return false;
}

const char *plan_bill_word(plan_bill bill)
{
    return bill_words[bill];
}

bool plan_parse_price(const char *text, double *price, plan_bill *bill)
{
    static const struct {
        const char *unit;
        double an_hour; /* how many of it are one */
    } units[] = {{"h", 1}, {"hour", 1}, {"min", 60}, {"minute", 60}, {"s", 3600}, {"second", 3600}};
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    double value;
    if (!number_parse_f64(text, n, &value) || value < 0) return false;
    if (slash && strcmp(slash + 1, "submission") == 0) {
        *bill = PLAN_BILL_SUBMISSION;
        *price = value;
        return true;
    }
    for (size_t i = 0; slash && i < sizeof units / sizeof *units; i++)
        if (strcmp(slash + 1, units[i].unit) == 0) {
            *price = value * units[i].an_hour;
            return true;
        }
    *price = value;
    return !slash;
}

/* ---- heads and their weights -------------------------------------------------------------------------------------- */

bool plan_parse_heads(const char *text, unsigned *heads)
{
    static const char *const words[] = {"dense", "sparse", "multi"};
    *heads = 0;
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, "+");
        unsigned bit = 0;
        for (unsigned i = 0; i < 3; i++)
            if (strlen(words[i]) == n && strncmp(p, words[i], n) == 0) bit = 1u << i;
        if (!bit || (*heads & bit)) return false;
        *heads |= bit;
        p += n;
        if (!*p) return true;
    }
}

static size_t count_heads(unsigned heads)
{
    return (heads & 1) + (heads >> 1 & 1) + (heads >> 2 & 1);
}

static size_t count_items(const char *list)
{
    size_t n = 1;
    for (const char *p = list; *p; p++) n += *p == ',';
    return n;
}

/* The three of a preset or of `list`, of which the i-th, from 0, begins at the answer. */
static const char *item_at(const char *list, size_t i)
{
    for (; i && *list; list++) i -= *list == ',';
    return list;
}

bool plan_weights(const plan_version *v, char *out, size_t cap, bool *needed)
{
    const char *list = v->value[PLAN_WEIGHTS];
    size_t n_heads = count_heads(v->heads), at = 0;
    *needed = n_heads == 2 || (n_heads == 3 && list);
    if (n_heads == 1) return !list;
    if (!list) list = "0.4,0.2,0.4"; /* `trident search`'s own */
    if (strcmp(list, "mkqa") == 0) list = "1,0.3,1";
    if (strcmp(list, "mldr") == 0) list = "0.15,0.5,0.35";
    size_t n_items = count_items(list);
    if (n_items != 3 && n_items != n_heads) return false;
    for (size_t head = 0, taken = 0; head < 3; head++) {
        bool has = v->heads >> head & 1;
        const char *item = item_at(list, n_items == 3 ? head : taken);
        size_t len = strcspn(item, ",");
        taken += has;
        int n = snprintf(out + at, cap - at, "%s%.*s", head ? "," : "", has ? (int)len : 1, has ? item : "0");
        if (n < 0 || (size_t)n >= cap - at) return false;
        at += (size_t)n;
    }
    return true;
}

/* ---- devices ------------------------------------------------------------------------------------------------------ */

bool plan_is_device(const char *text)
{
    if (strcmp(text, "cpu") == 0 || strcmp(text, "cuda") == 0) return true;
    uint64_t first, last;
    if (strncmp(text, "cuda:", 5) == 0) return number_parse_u64(text + 5, strlen(text + 5), &first) && first < 1024;
    if (strncmp(text, "cpu:", 4) != 0) return false;
    const char *p = text + 4, *dash = strchr(p, '-');
    size_t n = dash ? (size_t)(dash - p) : strlen(p);
    if (!number_parse_u64(p, n, &first) || first >= 1024) return false;
    return !dash || (number_parse_u64(dash + 1, strlen(dash + 1), &last) && last >= first && last < 1024);
}

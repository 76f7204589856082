/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h — a plan of `trident run`: which versions, over which data, on which devices, by when and for how much.
 *
 *   plan p;
 *   TRI_TRY(plan_load("plan.yaml", &p, err));
 *   ... p.versions[i].value[PLAN_MODEL] ...
 *   plan_drop(&p);
 *
 * docs/plan.md tells every key. A plan that was loaded is whole: names are unique, blends name versions and do not blend
 * themselves, files are there, numbers are numbers. Errors name file and line. Paths are absolute. */
#ifndef TRI_LAB_PLAN_H
#define TRI_LAB_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/* What may be said of a version, as text; NULL = not said. ORDER plan_keys */
typedef enum plan_setting {
    PLAN_MODEL,
    PLAN_HEADS,
    PLAN_FUSE,
    PLAN_WEIGHTS,
    PLAN_RRF_K,
    PLAN_RRF_BASE,
    PLAN_CANDIDATES,
    PLAN_THRESHOLD,
    PLAN_RESCORE,
    PLAN_RERANK,
    PLAN_RERANK_TOP,
    PLAN_PRECISION,
    PLAN_MAX_LENGTH,
    PLAN_TOP,
    PLAN_THREADS,
    PLAN_BATCH_TOKENS,
    PLAN_MEMORY_LIMIT,
    PLAN_RUN,
    PLAN_SHA256,
    PLAN_METHOD,
    PLAN_NORM,
    PLAN_MISSING,
    PLAN_ALLOW_TRUNCATION,
    PLAN_PORT,
    PLAN_FORCE,
    PLAN_SETTINGS
} plan_setting;

typedef enum plan_kind { PLAN_SEARCH = 1, PLAN_GIVEN = 2, PLAN_BLEND = 4 } plan_kind;
enum { PLAN_VERSIONS_MAX = 256, PLAN_ENV_MAX = 64 };
enum { PLAN_DENSE = 1, PLAN_SPARSE = 2, PLAN_MULTI = 4 }; /* heads, the bits of TRI_DENSE and its like */
typedef enum plan_bill { PLAN_BILL_SECOND, PLAN_BILL_MINUTE, PLAN_BILL_HOUR, PLAN_BILL_SUBMISSION } plan_bill;

typedef enum plan_type { PLAN_TEXT, PLAN_COUNT, PLAN_NUMBER, PLAN_CHOICE, PLAN_BYTES, PLAN_LIST, PLAN_FILE } plan_type;
typedef struct plan_key {
    const char *name;
    plan_type type;
    const char *words;  /* of a choice: "rrf|weighted" */
    unsigned kinds;     /* of versions that may say it */
    bool is_default;    /* may stand at the top level, for every search */
    const char *option; /* of `trident search` (or fuse), NULL = none */
} plan_key;
extern const plan_key plan_keys[PLAN_SETTINGS];

typedef struct plan_words {
    const char **items;
    size_t n;
} plan_words;

typedef struct plan_hooks {
    const char *on_done, *on_fail; /* shell command lines, or NULL */
} plan_hooks;

typedef struct plan_version {
    const char *name;
    size_t line;
    plan_kind kind;
    const char *value[PLAN_SETTINGS];
    unsigned heads;
    plan_words blend;   /* names of the versions it is made of */
    plan_words devices; /* none = any of the plan's */
    plan_words env;     /* "NAME=value" */
    plan_hooks hooks;
    const char *refused; /* why it cannot be run here, or NULL */
} plan_version;

typedef struct plan {
    arena memory;
    buf text;         /* the file as it was read */
    const char *path; /* as it was named */
    const char *folder;
    const char *name;
    const char *corpus, *queries, *qrels, *sample; /* absolute, or NULL */
    double deadline_after, deadline_at;            /* seconds from the start, Unix seconds; 0 = not said */
    double budget;                                 /* < 0: not said */
    double price;                                  /* money for an hour, or for a submission */
    plan_bill bill;
    const char *price_said, *bill_said; /* that price and bill are made of by plan_settle_money; NULL = nothing was said */
    plan_words devices;
    plan_hooks hooks;
    const char *metrics; /* "ndcg@10,map", or NULL */
    plan_version *versions;
    size_t n_versions;
} plan;

/* p is to be dropped after a failure too. */
tri_status plan_load(const char *path, plan *p, tri_error *err);
tri_status plan_read(const void *text, size_t len, const char *path, plan *p, tri_error *err); /* plan_load's second half */
void plan_drop(plan *p);
/* NULL: no such version */
const plan_version *plan_find(const plan *p, const char *name);
/* What stands between the lines: references, cycles, files. plan_load calls it. */
tri_status plan_check(plan *p, tri_error *err);
/* price and bill of what was said of them, in the plan or over it: a price for a submission is billed so, and no other is. */
tri_status plan_settle_money(plan *p, tri_error *err);

/* ---- values, as the plan and the command line write them ---------------------------------------------------------- */

/* "72h", "1h30m", "2d" into *after, or "2026-11-27T10:00:00+08:00" (without a zone: local time) into *at */
bool plan_parse_deadline(const char *text, double *after, double *at);
/* "12/h", "0.2/min", "3/submission", "12"; *bill is changed by the last but one */
bool plan_parse_price(const char *text, double *price, plan_bill *bill);
bool plan_parse_bill(const char *text, plan_bill *bill);
const char *plan_bill_word(plan_bill bill);
/* "dense+multi" */
bool plan_parse_heads(const char *text, unsigned *heads);
/* cpu, cpu:0-3, cuda, cuda:1 */
bool plan_is_device(const char *text);
/* May a version be called so? Its name is a folder's, beside the run's own files. */
bool plan_is_version_name(const char *name);
/* The weights of dense, sparse and multi as `trident search --weights` takes them, 0 for heads that take no part; NULL when
 * nothing needs to be said. false: their number is not that of the heads. */
bool plan_weights(const plan_version *v, char *out, size_t cap, bool *needed);

#endif

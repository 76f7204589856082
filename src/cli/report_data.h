/* SPDX-License-Identifier: Apache-2.0 */
/* report_data.h — everything that a report shows, read and computed before the first line of it is written. */
#ifndef TRI_CLI_REPORT_DATA_H
#define TRI_CLI_REPORT_DATA_H

#include <jansson.h>

#include "base/arena.h"
#include "base/strmap.h"
#include "cli/cli.h"
#include "hub/digest.h"
#include "trident/eval.h"

typedef struct report_version {
    const char *name;
    const char *path;   /* of the run; NULL: there is none */
    const char *folder; /* of the version, or NULL */
    tri_run *run;
    tri_report *scores;     /* NULL without judgments */
    tri_paired_test *tests; /* [n_metrics] against the best single run; NULL for that one */
    const char **members;   /* of a blend; NULL: one that is not on the page */
    size_t n_members;
    bool is_index;     /* made for several versions: it costs, and is none */
    bool is_fused;     /* said by --fused */
    bool is_reference; /* the plain fusion of all single runs, made for the page */
    const char *state, *device, *error, *submission, *model;
    double seconds, money; /* NaN = not known */
    double started, ended; /* Unix seconds; 0 = not known */
    size_t attempts;
    char run_hash[DIGEST_HEX_CAP], config_hash[DIGEST_HEX_CAP]; /* SHA-256 of the run; the config's own, else SHA-256 */
} report_version;

static inline bool report_version_counts(const report_version *v)
{
    return !v->is_reference && !v->is_index;
}

typedef struct report_fact {
    const char *name, *value;
} report_fact;

enum { REPORT_FACTS = 16 };

typedef struct report_data {
    cli *c;
    arena memory;
    report_version *versions;
    size_t n, cap;
    const char **metrics;
    size_t n_metrics;
    tri_qrels *qrels;
    const char *qrels_path, *queries_path, *corpus_path, *ledger;
    size_t n_queries;     /* judged */
    double billed;        /* money for all the runner's starts, as the provider rounds them; NaN = not known */
    bool has_own_queries; /* named by the command line, not by a folder */
    size_t best, base;    /* versions: highest by the first metric; the same of the single runs. SIZE_MAX without judgments */
    size_t reference;     /* a version, or SIZE_MAX */
    strmap query_at;      /* query id to text */
    tri_text *texts;
    size_t n_texts, cap_texts;
    uint64_t n_corpus;      /* documents; 0 = not told */
    const char **languages; /* the names */
    size_t n_languages;
    uint32_t *language_of;           /* [n_queries] */
    bool by_prefix;                  /* languages are prefixes of the ids */
    report_fact facts[REPORT_FACTS]; /* of the run folders: names, hashes, price */
    size_t n_facts;
} report_data;

/* Arguments: run files and folders of `trident run`. Paths given here go before those that the folders name. */
typedef struct report_sources {
    const char *qrels, *queries, *corpus, *metrics, *fused, *ledger;
} report_sources;
tri_status report_data_load(report_data *d, cli *c, const report_sources *sources, tri_error *err);
void report_data_drop(report_data *d); /* a zeroed one is fine */

/* Of version `v` over the judged queries of a language; SIZE_MAX = all. *n: how many. */
double report_data_mean(const report_data *d, const report_version *v, size_t metric, size_t language, size_t *n);
/* The text of a judged query, or its id where no text is known. */
tri_text report_data_query(const report_data *d, size_t query);

/* report_folder.c: versions of a run folder, or the one of a version folder, added to d. */
tri_status report_folder_read(report_data *d, const char *dir, tri_error *err);
/* report_texts.c: texts of the queries, and from them or the ids the languages. */
tri_status report_texts_read(report_data *d, tri_error *err);
tri_status report_texts_languages(report_data *d, tri_error *err);

tri_status report_data_add(report_data *d, const report_version *v, tri_error *err);

#endif

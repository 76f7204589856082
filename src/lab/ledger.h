/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h — what ran, on what, how long, for how much and how well: one row an event, kept for good in one SQLite file that
 * several processes may write. */
#ifndef TRI_LAB_LEDGER_H
#define TRI_LAB_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

/* Texts that are not known are NULL; they are borrowed. */
typedef struct ledger_entry {
    int64_t id;          /* given by the ledger, from 1 */
    double began;        /* Unix seconds */
    double seconds;      /* of wall clock */
    const char *command; /* the command line */
    const char *name;    /* of the version or the submission */
    const char *config_hash, *data_hash;
    const char *device;  /* "cpu", "cuda:0" */
    double billed;       /* minutes, rounded as the provider rounds */
    double rate;         /* money an hour; 0 = not known */
    double price;        /* money for what was billed */
    const char *outcome; /* "done", "failed", "stopped", "forced" */
    const char *metrics; /* a JSON object: {"ndcg@10": 0.97} */
    const char *note;    /* why it failed, or was forced */
} ledger_entry;

/* The ledger's file: `given`, else $TRIDENT_LEDGER, else $XDG_STATE_HOME/trident/ledger.db, else ~/.local/state/trident/... */
tri_status ledger_find(const char *given, char *out, size_t cap, tri_error *err);
/* One row into the ledger that ledger_find(given) names; made, with its folders, if it is not there. */
tri_status ledger_add(const char *given, const ledger_entry *entry, tri_error *err);
/* Every row in the order in which they were added; `each` may stop by an error. A ledger that is not there has no rows. */
typedef tri_status (*ledger_fn)(void *ctx, const ledger_entry *entry, tri_error *err);
tri_status ledger_read(const char *given, ledger_fn each, void *ctx, tri_error *err);

#endif

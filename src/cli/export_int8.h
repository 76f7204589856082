/* SPDX-License-Identifier: Apache-2.0 */
/* export_int8.h — `trident export packed MODEL --precision int8 --calibrate TEXTS`. */
#ifndef TRI_CLI_EXPORT_INT8_H
#define TRI_CLI_EXPORT_INT8_H

#include "cli/cli.h"
#include "trident/engine.h"

typedef struct export_int8 {
    const char *output;                   /* NULL = beside the model */
    const char *texts;                    /* file to calibrate on */
    const char *queries, *corpus, *qrels; /* a task to measure nDCG@10 on, or all NULL */
    size_t hold_out;                      /* texts that are only measured on; 0 = a quarter */
    bool force;                           /* accept any loss */
} export_int8;

/* Prints the losses, and the path of the file when one was written. */
tri_status export_int8_run(cli *c, tri_engine *engine, const char *dir, const export_int8 *args, tri_error *err);

#endif

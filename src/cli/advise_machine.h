/* SPDX-License-Identifier: Apache-2.0 */
/* advise_machine.h — how fast is this machine, now? */
#ifndef TRI_CLI_ADVISE_MACHINE_H
#define TRI_CLI_ADVISE_MACHINE_H

#include "cli/cli.h"
#include "lab/advice.h"

/* What an opened model is: its shape, and the texts of a job as it would take them. */
typedef struct advise_model {
    const char *name;
    bool is_here; /* the folder was found: it was opened, and can be measured */
    bool is_measured;
    model_shape own; /* of an opened model */
    const model_shape *shape;
    double ops_per_s; /* measured; or the peak of now times a stored share; 0 = not asked */
    double memory;    /* bytes on this machine, with weights, packed copies and workspace; 0 = not opened */
    char precision[16], isa[32];
    int threads;
} advise_model;

/* Share of this machine's peak that an encoder of BGE-M3's shape reached where it was measured (bench/results/encoder.csv). */
#define ADVISE_STORED_SHARE 0.87

/* Opens the model and encodes texts of `length` tokens for some seconds (a reranker: scores pairs). A name that is not here is
 * looked up among known shapes; its speed is then the peak of now times ADVISE_STORED_SHARE. measure false: nothing is timed.
 * */
tri_status advise_machine_model(cli *c, const char *name, bool reranks, double length, bool measure, advise_model *out,
                                tri_error *err);
/* Lengths in tokens of a file's texts, by the tokenizer of `model`: up to some ten thousand of them, drawn evenly. */
tri_status advise_machine_lengths(cli *c, const char *path, const char *model, size_t max_length, advice_work *out,
                                  tri_error *err);
double advise_machine_memory(void); /* bytes of RAM */

#endif

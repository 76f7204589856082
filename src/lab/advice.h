/* SPDX-License-Identifier: Apache-2.0 */
/* advice.h — a job, a machine: does it fit, how long does it take, what does it cost?
 *
 *   operations of a text of S tokens   layers x (2 S (4 D D + m D F) + 4 S S D), m = 2, or 3 for a gated feed-forward
 *   time                               the longer of operations / (peak x share) and weights read once a batch / bandwidth
 *   memory                             parameters at the precision + rows of one batch, as counted in advice.c
 */
#ifndef TRI_LAB_ADVICE_H
#define TRI_LAB_ADVICE_H

#include <stdint.h>

#include "lab/cards.h"

enum { ADVICE_BUDGET_MOST = 65536, ADVICE_BUDGET_LEAST = 1024 }; /* tokens of a batch: more is no faster */

/* So many texts of one model: their mean length, the mean of the squares of their lengths, the longest. */
typedef struct advice_work {
    const model_shape *model; /* NULL: there is no such work */
    double texts, length, squares;
    size_t longest;
} advice_work;

typedef enum advice_bill { ADVICE_BILL_SECOND, ADVICE_BILL_MINUTE, ADVICE_BILL_HOUR } advice_bill;

typedef struct advice_job {
    advice_work documents, queries, pairs;
    size_t versions; /* documents and queries are encoded so often */
    double deadline; /* seconds; 0 = none */
    advice_bill bill;
} advice_job;

typedef struct advice_line {
    const char *name, *title, *precision;
    double memory, needs;                /* bytes */
    size_t budget;                       /* tokens of a batch; 0 = does not fit */
    double tokens_per_s, seconds, price; /* price NaN: no rate was given */
    bool fits, holds;                    /* holds: within the deadline, and fits */
    bool measured;                       /* here and now; else estimated */
    double rule_gib;                     /* the memory that the rule of thumb asks for this job; 0 = none */
} advice_line;

double advice_ops(const advice_work *w);
double advice_tokens(const advice_job *job);
/* Bytes for a batch of `budget` tokens with weights of so many bytes a parameter. */
double advice_memory(const advice_job *job, size_t budget, double weight_bytes);
/* rate: money an hour, NaN = not told; share: of the card's peak. */
void advice_for_card(const advice_job *job, const card *c, double share, double rate, advice_line *out);
/* A machine whose operations a second on each kind of work are known; 0 = it has no such work. */
void advice_for_speeds(const advice_job *job, double encode_ops, double rerank_ops, double rate, advice_line *out);
/* Batch by length as competitors' recipes have it: 32 under 512 tokens, 16 under 2048, else 8. */
size_t advice_rule_batch(double length);
/* The cheapest that holds; without prices the one with the least time needed that still holds, i.e. the slowest. -1: none. */
int advice_choose(const advice_line *lines, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* arch.h — the kinds of encoder: one struct each, one line in list.h.
 *
 * An arch knows its keys of config.json, its tensor names, how positions follow from ids, and how rows become hidden states. Of
 * heads it knows what its classification head is called. It knows nothing of texts, nor of files beyond the weight table. */
#ifndef TRI_MODEL_ARCH_H
#define TRI_MODEL_ARCH_H

#include "compute/compute.h"
#include "formats/json.h"
#include "formats/weights.h"
#include "model/bind.h"
#include "model/model_config.h"

/* The packed ragged batch: T rows, no padding anywhere. Text b owns rows seq_start[b] .. seq_start[b+1]. */
typedef struct batch {
    size_t B, T;
    uint32_t *ids;      /* [T] */
    uint8_t *types;     /* [T] */
    int32_t *positions; /* [T] */
    int32_t *seq_start; /* [B+1] */
    /* Rows whose last hidden state is wanted, ascending; not looked at when all_rows. */
    bool all_rows;
    int32_t *wanted;       /* [W] */
    int32_t *wanted_start; /* [B+1]: wanted rows of each text */
    size_t W;
} batch;

/* Sees the input of every Linear of a forward pass, in f32, just before it is used: calibration. */
typedef struct observer {
    void (*see)(void *ctx, const packed_matrix *w, const tensor *x);
    void *ctx;
} observer;

/* Memory of one forward pass, in the device, sized once for `rows` rows. An encoder lays it out as it likes, but for this: its
 * result stands at the beginning, and `spare` is what the heads may use after it. */
typedef struct workspace {
    size_t rows, bytes;
    char *block; /* [bytes], 64-byte aligned */
    char *spare;
    const observer *watch; /* or NULL */
} workspace;

typedef struct arch arch;
typedef struct encoder encoder; /* an arch's bound weights */

enum { MAX_MODEL_TYPES = 3 };

/* Stems of the tensors of ...ForSequenceClassification; "" = there is none. dense may be missing where it is `optional`. */
typedef struct logit_names {
    const char *dense, *norm, *out;
    bool optional;
} logit_names;

struct arch {
    const char *name;                         /* registry name and doc page: "bert", "xlmr" */
    const char *model_types[MAX_MODEL_TYPES]; /* config.json's; NULL after the last */
    const char *const *prefixes;              /* of tensor names, tried in this order; NULL after the last */
    logit_names logit;
    /* config.json to what a forward pass depends on */
    tri_status (*configure)(const json_t *o, model_config *c, arena *keep, tri_error *err);
    size_t (*max_tokens)(const model_config *c);
    /* positions [n] of the ids [n] of one text */
    void (*positions)(const model_config *c, const uint32_t *ids, size_t n, int32_t *positions);
    tri_status (*bind)(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err);
    void (*drop)(compute *c, encoder *e);
    /* Bytes of the result, and of the rest that a pass over `rows` rows needs. */
    void (*workspace)(const encoder *e, size_t rows, size_t *result_bytes, size_t *rest_bytes);
    /* ids -> last hidden states [W, D] F32, a view of the workspace: row i is that of wanted row i (or of row i). */
    tensor (*encode)(compute *c, const encoder *e, const batch *b, workspace *ws);
};

/* NULL = no arch has this model_type */
const arch *arch_find(const char *model_type);
/* The model_types there are, for messages: "bert, xlm-roberta" */
void arch_names(char *out, size_t cap);

#endif

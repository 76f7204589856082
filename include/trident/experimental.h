/* SPDX-License-Identifier: Apache-2.0 */
/* experimental.h — not promised yet: names and meanings here may change with any version. Not part of trident.h. */
#ifndef TRIDENT_EXPERIMENTAL_H
#define TRIDENT_EXPERIMENTAL_H

#include "trident/embed.h"
#include "trident/search.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TRI_DOCTOR_OK = 0, TRI_DOCTOR_NOTE = 1, TRI_DOCTOR_FAIL = 2 };

/* One thing that was checked: its short name, the verdict, and one line with the figure. Strings live for the call only. */
typedef void (*tri_doctor_fn)(void *ctx, const char *check, int verdict, const char *line);

/* Proves on these weights what silently goes wrong elsewhere: kernels against the plain reference, positions, activation,
 * special ids, tokenizer rules, pooling, heads, prompts, finite and repeatable outputs. TRI_OK when everything could be looked
 * at, whatever the verdicts; *n_failed counts those that failed. */
TRI_API tri_status tri_doctor_run(tri_engine *engine, const char *path, tri_doctor_fn say, void *ctx, size_t *n_failed,
                                  tri_error *err);

/* Writes a model's matrices, packed for this precision, into one file that engines map instead of packing at each start. */
typedef struct tri_export_options {
    size_t struct_size;
    const char *precision;    /* NULL = the engine's; "int8" is only kept: see tri_export_calibrated */
    const char *to;           /* NULL = trident-PRECISION.packed in the model's folder, where opening finds it */
    int force;                /* 1: write even when the same is there */
    tri_progress_fn progress; /* in bytes of weights */
    void *progress_ctx;
} tri_export_options;
TRI_API void tri_export_options_init(tri_export_options *options);

typedef struct tri_export_result {
    char path[4096];
    uint64_t bytes; /* of the file */
    size_t n_matrices;
    int was_there; /* 1: made by the same recipe from the same weights; nothing was written */
} tri_export_result;
TRI_API tri_status tri_export_packed(tri_engine *engine, const char *path, const tri_export_options *options,
                                     tri_export_result *out, tri_error *err);

/* Other people's forms. `path` is a model folder or a .gguf file. */
typedef struct tri_write_options {
    size_t struct_size;
    const char *to;           /* the file of tri_export_gguf, the folder of tri_export_hf */
    const char *dtype;        /* GGUF: what matrices are stored as, "f32", "f16" or "q8_0"; NULL = "f16" */
    int force;                /* a folder: replace the files of a model that is there */
    tri_progress_fn progress; /* in bytes of weights */
    void *progress_ctx;
} tri_write_options;
TRI_API void tri_write_options_init(tri_write_options *options);

typedef struct tri_write_result {
    char heads[4096]; /* GGUF: the second file, with the heads that llama.cpp does not know; "" = none */
    uint64_t bytes;   /* of the GGUF files; of the folder's tensors */
    size_t n_tensors, n_files;
} tri_write_result;
/* What llama.cpp reads. A model that it would compute otherwise is TRI_ERR_UNSUPPORTED, which says why. */
TRI_API tri_status tri_export_gguf(tri_engine *engine, const char *path, const tri_write_options *options,
                                   tri_write_result *out, tri_error *err);
/* What transformers, sentence-transformers and FlagEmbedding load. */
TRI_API tri_status tri_export_hf(tri_engine *engine, const char *path, const tri_write_options *options, tri_write_result *out,
                                 tri_error *err);

/* int8: how weights are rounded is fitted to texts; then what that costs is measured on other texts, f32 against the kernels
 * that will run. Only what stays within the bars is put beside the model, unless the loss is accepted. */
typedef struct tri_calibrate_options {
    size_t struct_size;
    const char *to;         /* as in tri_export_options */
    int accept_loss;        /* 1: write the file though a bar is missed; its recipe says so */
    const tri_input *texts; /* in the order in which they are taken; random is best. Of a reranker: pairs, as token ids */
    size_t n_texts;
    size_t n_held_out; /* the last so many are only measured on; 0 = a quarter */
    size_t max_tokens; /* texts are taken as long as they stay within; 0 = 131,072 */
    /* A task whose nDCG@10 by dense vectors is measured too; qrels NULL = none. Only judged queries are run. */
    const tri_qrels *qrels;
    const tri_input *queries, *corpus;
    const tri_text *query_ids, *corpus_ids;
    size_t n_queries, n_corpus;
    /* phase: "calibrate", "round", "measure", "rank"; the numbers begin anew in each. Non-zero cancels. */
    int (*progress)(void *ctx, const char *phase, uint64_t done, uint64_t total);
    void *progress_ctx;
} tri_calibrate_options;
TRI_API void tri_calibrate_options_init(tri_calibrate_options *options);

typedef struct tri_loss {
    const char *name; /* "dense_mean", "dense_min", "multi_p5", "sparse_top5", "ndcg10_loss_percent"; of a reranker
                         "order_kept", "score_moved" */
    double value, bar;
    int at_most; /* 1: value is to be at most the bar; 0: at least */
} tri_loss;

typedef struct tri_calibration {
    size_t n_texts, n_held_out; /* used */
    uint64_t n_tokens, n_held_out_tokens;
    tri_loss losses[8];
    size_t n_losses;
    double ndcg10_f32, ndcg10_int8; /* with qrels */
    int within;                     /* 1: every loss is within its bar */
    char json[2048];                /* all this as it stands in the file's recipe; empty until it was measured */
} tri_calibration;

/* TRI_ERR_LIMIT: a bar was missed and no file written; `figures` then tells by how much. */
TRI_API tri_status tri_export_calibrated(tri_engine *engine, const char *path, const tri_calibrate_options *options,
                                         tri_calibration *figures, tri_export_result *out, tri_error *err);

/* What an engine came to be; strings are borrowed from it. */
typedef struct tri_engine_info {
    size_t struct_size;
    const char *isa, *precision; /* "avx512", ...; "f32", "bf16", "int8" */
    int threads;
} tri_engine_info;
TRI_API void tri_engine_info_get(const tri_engine *engine, tri_engine_info *info); /* set info->struct_size first */

/* The most operations a second (a multiplication and an addition are two) that `threads` threads of this engine, 1 up to all,
 * can do together in its instruction set: measured now, from register to register, in some 60 ms. precision NULL is the
 * engine's own. TRI_ERR_UNSUPPORTED where there is nothing to measure ("ref"). */
TRI_API tri_status tri_measure_peak(tri_engine *engine, const char *precision, int threads, double *ops_per_s, tri_error *err);

/* A card's own clock: begins, and ends with the milliseconds since that its queue took, waiting for them. TRI_ERR_UNSUPPORTED
 * on the processor, whose clock is the caller's. */
TRI_API tri_status tri_engine_clock_begin(tri_engine *engine, tri_error *err);
TRI_API tri_status tri_engine_clock_end(tri_engine *engine, double *ms, tri_error *err);

/* i-th instruction set that works on this machine, best first, "ref" last; NULL past the end. */
TRI_API const char *tri_isa_name(size_t i);

/* Many fusions of the same runs, each measured on every judged query: what a choice between fusions rests on. The values are
 * those that tri_eval gives for what tri_fuse_runs makes of the same runs, bit by bit, at a small part of the cost. */
typedef struct tri_trials tri_trials;
typedef struct tri_trial {
    const uint32_t *members; /* [n_members] places among the runs, ascending; fused in this order */
    const double *weights;   /* [n_members] or NULL = 1 each */
    size_t n_members;
    int method, norm; /* as in tri_fuse_options; documents that a run lacks get nothing from it */
    double rrf_k;
    int rrf_base;
} tri_trial;
/* `metric`: one whose overall figure is a mean. TRI_ERR_MISMATCH where no judged query is in any of the runs. Nothing given is
 * needed afterwards. */
TRI_API tri_status tri_trials_new(const tri_qrels *qrels, const tri_run *const *runs, size_t n_runs, const char *metric,
                                  tri_trials **out, tri_error *err);
TRI_API size_t tri_trials_queries(const tri_trials *trials); /* judged queries, in the judgments' order */
TRI_API const char *tri_trials_query_id(const tri_trials *trials, size_t query);
TRI_API size_t tri_trials_answered(const tri_trials *trials); /* those that a run has; the others count as 0 */
/* values: [n, queries]. progress counts (query, trial) pairs. threads 0 = all. */
TRI_API tri_status tri_trials_measure(const tri_trials *trials, const tri_trial *list, size_t n, int threads, double *values,
                                      tri_progress_fn progress, void *progress_ctx, tri_error *err);
TRI_API void tri_trials_free(tri_trials *trials);

/* tri_report_test on values that are not in reports: a[i] and b[i] are of the same query. */
TRI_API tri_status tri_paired_test_run(const double *a, const double *b, size_t n, size_t rounds, uint64_t seed,
                                       tri_paired_test *out, tri_error *err);

#ifdef __cplusplus
}
#endif
#endif

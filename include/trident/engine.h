/* SPDX-License-Identifier: Apache-2.0 */
/* engine.h — open the machine, open a model, make a session.
 *
 * Three lifetimes: an engine outlives its models, a model outlives its sessions. Engine and model may be used by any number
 * of threads at once; a session by one at a time. Options structs are initialised by their _init function; zero is default. */
#ifndef TRIDENT_ENGINE_H
#define TRIDENT_ENGINE_H

#include "trident/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packed file is mapped and shared between processes; copied into private memory, in huge pages where the kernel has them; or
 * so copied for each NUMA node whose processors this process may use, and read by the threads that run there. */
enum { TRI_WEIGHTS_SHARED = 0, TRI_WEIGHTS_PRIVATE = 1, TRI_WEIGHTS_EACH_NODE = 2 };

typedef struct tri_engine_options {
    size_t struct_size;
    const char *device;    /* NULL or "auto": the first card, where the plugin and a driver are, else the processor; "cpu";
                              "cuda" or "cuda:N": that card, or an error that says what is missing */
    int threads;           /* 0 = the processors this process may use */
    const char *isa;       /* NULL = the best here; else one by name: "ref", "avx2", "avx512bf16" ... */
    const char *precision; /* of the encoder: NULL or "auto", which is f32, on a card f16; "f32"; "bf16"; "f16", on a card;
                              "int8", which needs a file made by `trident export packed`. Dense modules and the sparse head
                              stay in f32, the multi head in bf16 at least. */
    tri_log_fn log;
    void *log_ctx;
    int weights_copy; /* what becomes of a packed file: a TRI_WEIGHTS_ word */
    int invariant;    /* 1: on a card too a text's vectors have the same bits whatever texts share its batch (on the processor
                         they always have). Slower: every product is our own, its sums in one order */
} tri_engine_options;

TRI_API void tri_engine_options_init(tri_engine_options *options);
TRI_API tri_status tri_engine_open(const tri_engine_options *options, tri_engine **out, tri_error *err);
TRI_API void tri_engine_close(tri_engine *engine);
/* e.g. "cpu avx512 bf16 2 threads", "cuda:0 NVIDIA H200 f16"; borrowed from the engine. */
TRI_API const char *tri_engine_describe(const tri_engine *engine);
/* Why "auto" did not take a card: one line; "" where it did, or where a device was named. Borrowed from the engine. */
TRI_API const char *tri_engine_why(const tri_engine *engine);

/* Names the file of the CUDA plugin for this process, before the first engine is opened: "none" for none; NULL or "", as it is
 * from the start, looks for libtrident_cuda.so beside the library or program, in ../lib/ beside it, then as the system does. */
TRI_API tri_status tri_card_plugin(const char *path, tri_error *err);

/* A card as it is now. */
typedef struct tri_card {
    size_t struct_size;
    int cards;                    /* how many there are; this is number `ordinal` */
    int ordinal, major, minor;    /* compute capability */
    int processors;               /* streaming multiprocessors */
    int driver, runtime;          /* CUDA versions, 12080 = 12.8 */
    uint64_t bytes_total, bytes_free;
    int runs_here;                /* 1: the plugin holds code for it */
    char name[128], bus[32];      /* its place on the PCI bus, as nvidia-smi has it */
    char plugin[256], built[128]; /* the plugin's file, and what it was built with and for */
} tri_card;
/* Card `ordinal` (0 is the first). TRI_ERR_NOT_FOUND where there is no plugin, no driver or no such card: says which, and the
 * remedy. card->cards, card->plugin and card->built are set as far as they are known, also then. */
TRI_API tri_status tri_card_get(int ordinal, tri_card *card, tri_error *err);

enum { TRI_RULES_FILE = 0, TRI_RULES_HF5 = 1 };

typedef struct tri_model_options {
    size_t struct_size;
    unsigned want;       /* heads to load; 0 = every head the architecture calls for (a missing head file is then an error) */
    int tokenizer_rules; /* TRI_RULES_FILE or TRI_RULES_HF5 */
    int no_tokenizer;    /* 1: take token ids only; the tokenizer files are not opened */
    const char *packed;  /* NULL: the folder's trident-PRECISION.packed, when it is there and was made from these weights; "":
                            none; else this file, which must be of these weights */
} tri_model_options;

TRI_API void tri_model_options_init(tri_model_options *options);
/* `path` is a folder in the Hugging Face layout. */
TRI_API tri_status tri_model_open(tri_engine *engine, const char *path, const tri_model_options *options, tri_model **out,
                                  tri_error *err);
TRI_API void tri_model_close(tri_model *model);

/* Facts about an open model; strings are borrowed from the model, "" where absent. */
typedef struct tri_model_info {
    size_t struct_size;
    const char *path;
    const char *architecture;    /* config.json's model_type, such as "xlm-roberta", "bert", "new" */
    size_t hidden, layers, heads, ffn, vocab, positions;
    size_t max_tokens;           /* longest input in tokens, specials included */
    size_t dense_dim, multi_dim; /* 0 where the head is absent or was not asked for */
    unsigned want;               /* representations this model can give */
    const char *pooling;         /* "cls", "mean", ... */
    int normalizes_dense;        /* 1: dense vectors have unit length */
    const char *tokenizer;       /* "unigram", "wordpiece", "bpe" */
    const char *tokenizer_rules; /* "file" or "hf5" */
    int tokenizer_rules_differ;  /* 1: the two rules give different ids for this model */
    const char *prompt_query, *prompt_passage;
    const char *weights_dtype;   /* "f32", "f16", "bf16" as stored */
    uint64_t weights_bytes;      /* mapped */
    uint64_t packed_bytes;       /* matrices as kernels read them: our own copies, or mapped from packed_file */
    uint64_t n_parameters;
    size_t n_files;
    uint64_t fingerprint;        /* hash of configuration, and of name, size and first bytes of each tensor */
    const char *precision;       /* "f32", "bf16", "int8": of the encoder's arithmetic */
    const char *packed_file;     /* mapped instead of packing the weights */
    int reranks;                 /* 1: a cross-encoder, which scores pairs (rerank.h) and has no representations */
    const char *score_activation; /* of a cross-encoder: "sigmoid" or "identity", from logit to score */
    int gated;                   /* 1: the feed-forward has a gate, and so three matrices */
    size_t local_layers, window; /* layers whose queries see keys at most `window` away; 0 where every layer sees every key */
} tri_model_info;
TRI_API void tri_model_info_get(const tri_model *model, tri_model_info *info); /* set info->struct_size first */
/* File i of those read at opening; NULL past the end. */
TRI_API const char *tri_model_file(const tri_model *model, size_t i);

typedef struct tri_session_options {
    size_t struct_size;
    size_t max_length;   /* tokens of one text, specials included; 0 = the model's limit */
    size_t batch_tokens; /* rows of one forward pass; 0 = chosen; never below max_length */
    uint64_t memory_limit; /* bytes of workspace; 0 = none; refused with the numbers when it cannot fit */
} tri_session_options;

TRI_API void tri_session_options_init(tri_session_options *options);
TRI_API tri_status tri_session_new(tri_model *model, const tri_session_options *options, tri_session **out, tri_error *err);
TRI_API void tri_session_free(tri_session *session);
/* Workspace bytes that a session with these options takes, without making it. */
TRI_API tri_status tri_session_forecast(const tri_model *model, const tri_session_options *options, uint64_t *bytes,
                                        tri_error *err);

/* What of a card's memory a model and one session take: our own allocations, to the byte. The driver's context and the code of
 * the kernels come on top; `used` by everybody shows them. All 0 for a model on the processor. */
typedef struct tri_card_forecast {
    size_t struct_size;
    uint64_t fixed;     /* rings and workspaces of the open card */
    uint64_t weights;   /* of every model that is open on it */
    uint64_t workspace; /* of the session that is asked about */
    uint64_t total;     /* the three */
    uint64_t used, available, card; /* now, without the session */
} tri_card_forecast;
TRI_API tri_status tri_session_forecast_card(const tri_model *model, const tri_session_options *options, tri_card_forecast *out,
                                             tri_error *err);

#ifdef __cplusplus
}
#endif
#endif

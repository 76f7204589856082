/* SPDX-License-Identifier: Apache-2.0 */
/* setup.c — which machine, which model, which limits? One place that reads the shared options, so that --max-length means the
 * same to every command. TRIDENT_ISA stands for --isa where the flag is not given: the only environment read
 * here (cli.c reads TRIDENT_CUDA_PLUGIN). */
#include "cli/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/number.h"
#include "hub/model_dir.h"

#define FIELD(name) offsetof(setup_args, name)

static const flag every_flags[] = {
    {"help", 'h', FLAG_SWITCH, NULL, NULL, "this text", FIELD(help)},
    {"quiet", 'q', FLAG_SWITCH, NULL, NULL, "no progress and no notes on standard error", FIELD(quiet)},
    FLAG_END};

static const flag json_flags[] = {{"json", 0, FLAG_SWITCH, NULL, NULL, "print the facts as one JSON object", FIELD(json)},
                                  FLAG_END};

static const flag line_flags[] = {{"format", 0, FLAG_CHOICE, "jsonl|text", NULL,
                                   "how input lines are read; by default *.jsonl and standard input are JSONL, "
                                   "any other file is a text a line",
                                   FIELD(format)},
                                  {"skip-bad", 0, FLAG_SWITCH, NULL, NULL,
                                   "skip broken lines and count them, instead of stopping at the first", FIELD(skip_bad)},
                                  FLAG_END};

static const flag length_flags[] = {
    {"max-length", 0, FLAG_COUNT, "N", NULL, "longest text in tokens, specials included; 0 is the model's own limit",
     FIELD(max_length)},
    {"on-long", 0, FLAG_CHOICE, "truncate|error", "truncate", "what to do with a longer text: cut its tail, or stop",
     FIELD(on_long)},
    {"batch-tokens", 0, FLAG_COUNT, "N", NULL, "tokens of one forward pass; 0 lets the machine choose", FIELD(batch_tokens)},
    FLAG_END};

static const flag rule_flags[] = {{"tokenizer-rules", 0, FLAG_CHOICE, "file|hf5", NULL,
                                   "follow the published tokenizer file (the default), or what transformers 5 "
                                   "makes of it",
                                   FIELD(rules)},
                                  FLAG_END};

static const flag machine_flags[] = {
    {"device", 0, FLAG_TEXT, "auto|cpu|cuda[:N]", "auto",
     "where to compute; auto is the first card, where its plugin and a driver are (environment: TRIDENT_CUDA_PLUGIN)",
     FIELD(device)},
    {"threads", 0, FLAG_COUNT, "N", NULL, "threads; 0 is all the processors that this process may use", FIELD(threads)},
    {"precision", 0, FLAG_WORD, "auto|f32|bf16|f16|int8|fp8", "auto", "arithmetic of the encoder", FIELD(precision)},
    {"invariant", 0, FLAG_SWITCH, NULL, NULL,
     "on a card too: the same bits for a text whatever shares its batch, at the cost of speed", FIELD(invariant)},
    {"isa", 0, FLAG_TEXT, "NAME", NULL,
     "force an instruction set, such as ref, avx2 or avx512bf16; a wrong name lists those here (environment: TRIDENT_ISA)",
     FIELD(isa)},
    {"memory-limit", 0, FLAG_BYTES, "SIZE", NULL, "refuse to take more workspace than this, such as 512m or 4g",
     FIELD(memory_limit)},
    {"private-weights", 0, FLAG_SWITCH, NULL, NULL,
     "copy a packed file's weights into this process, in huge pages where the system has them, instead of sharing the file's",
     FIELD(private_weights)},
    {"node-weights", 0, FLAG_SWITCH, NULL, NULL,
     "the same with a copy for each NUMA node, which the threads that run there read", FIELD(node_weights)},
    FLAG_END};

size_t setup_flag_sets(unsigned groups, setup_args *args, flag_set *sets)
{
    size_t n = 0;
    if (groups & SETUP_LINES) sets[n++] = (flag_set){line_flags, args, "Lines"};
    if (groups & SETUP_LENGTH) sets[n++] = (flag_set){length_flags, args, "Length"};
    if (groups & SETUP_RULES) sets[n++] = (flag_set){rule_flags, args, "Tokenizer"};
    if (groups & SETUP_MACHINE) sets[n++] = (flag_set){machine_flags, args, "Machine"};
    if (groups & SETUP_JSON) sets[n++] = (flag_set){json_flags, args, "Output"};
    sets[n++] = (flag_set){every_flags, args, "Every command"};
    return n;
}

static void talk(void *ctx, int level, const char *line)
{
    const setup_args *args = ctx;
    if (!args->quiet && level <= 1) fprintf(stderr, "trident: %s\n", line);
}

tri_status setup_open_engine(const setup_args *args, tri_engine **out, tri_error *err)
{
    tri_engine_options o;
    tri_engine_options_init(&o);
    const char *isa = args->isa ? args->isa : getenv("TRIDENT_ISA");
    if (args->threads > 4096) /* beyond any machine: a typing error, and an int below */
        return err_set(err, TRI_ERR_ARGUMENT, "--threads is at most 4096, got %zu", args->threads);
    o.device = args->device;
    o.threads = (int)args->threads;
    o.isa = isa && isa[0] ? isa : NULL;
    o.precision = args->precision;
    o.invariant = args->invariant;
    o.weights_copy = args->node_weights      ? TRI_WEIGHTS_EACH_NODE
                     : args->private_weights ? TRI_WEIGHTS_PRIVATE
                                             : TRI_WEIGHTS_SHARED;
    o.log = talk;
    o.log_ctx = (void *)(uintptr_t)args;
    return tri_engine_open(&o, out, err);
}

tri_status setup_open_model(const setup_args *args, const char *name, unsigned want, setup_model *out, tri_error *err)
{
    tri_model_options o;
    tri_status st;
    memset(out, 0, sizeof *out);
    TRI_TRY(model_dir_find(name, out->path, sizeof out->path, err));
    TRI_TRY(setup_open_engine(args, &out->engine, err));
    tri_model_options_init(&o);
    o.want = want;
    o.tokenizer_rules = args->rules < 0 ? TRI_RULES_FILE : args->rules;
    st = tri_model_open(out->engine, out->path, &o, &out->model, err);
    if (st != TRI_OK) {
        setup_close(out);
        return st;
    }
    out->info.struct_size = sizeof out->info;
    tri_model_info_get(out->model, &out->info);
    return TRI_OK;
}

tri_status setup_open(const setup_args *args, const char *name, unsigned want, setup_model *out, tri_error *err)
{
    tri_session_options o;
    TRI_TRY(setup_open_model(args, name, want, out, err));
    tri_session_options_init(&o);
    o.max_length = args->max_length;
    o.batch_tokens = args->batch_tokens;
    o.memory_limit = args->memory_limit;
    tri_status st = tri_session_new(out->model, &o, &out->session, err);
    if (st != TRI_OK) setup_close(out);
    return st;
}

void setup_close(setup_model *m)
{
    tri_session_free(m->session);
    tri_model_close(m->model);
    tri_engine_close(m->engine);
    memset(m, 0, sizeof *m);
}

tri_status setup_open_tokenizer(const setup_args *args, const char *name, tri_tokenizer **out, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(model_dir_find(name, path, sizeof path, err));
    return tri_tokenizer_open(path, args->rules < 0 ? TRI_RULES_FILE : args->rules, out, err);
}

tri_status setup_parse_want(const char *words, unsigned *want, tri_error *err)
{
    static const struct {
        const char *word;
        unsigned bit;
    } known[] = {{"dense", TRI_DENSE}, {"sparse", TRI_SPARSE}, {"multi", TRI_MULTI}, {"all", TRI_ALL}};
    *want = 0;
    for (const char *p = words; p;) {
        size_t n = strcspn(p, ","), i;
        for (i = 0; i < sizeof known / sizeof known[0]; i++)
            if (strlen(known[i].word) == n && memcmp(known[i].word, p, n) == 0) break;
        if (i == sizeof known / sizeof known[0])
            return err_set(err, TRI_ERR_ARGUMENT, "--want takes dense, sparse, multi (comma between), got \"%s\"", words);
        *want |= known[i].bit;
        p = p[n] ? p + n + 1 : NULL;
    }
    return TRI_OK;
}

tri_status setup_parse_weights(const char *words, double weights[3], tri_error *err)
{
    /* the weights of FlagEmbedding's MKQA and MLDR evaluation scripts: dense, sparse, multi */
    static const double mkqa[3] = {1, 0.3, 1}, mldr[3] = {0.15, 0.5, 0.35};
    const char *p = words;
    double sum = 0;
    if (strcmp(words, "mkqa") == 0 || strcmp(words, "mldr") == 0) {
        memcpy(weights, words[1] == 'k' ? mkqa : mldr, sizeof mkqa);
        return TRI_OK;
    }
    for (int i = 0; i < 3; i++) {
        size_t n = strcspn(p, ",");
        if (!number_parse_f64(p, n, &weights[i]) || weights[i] < 0 || (p[n] == ',') != (i < 2))
            return err_set(err, TRI_ERR_ARGUMENT,
                           "--weights takes mkqa, mldr or three numbers a,b,c from 0 up (dense, sparse, multi), "
                           "got \"%s\"",
                           words);
        sum += weights[i];
        p += n + (p[n] == ',');
    }
    if (!(sum > 0)) return err_set(err, TRI_ERR_ARGUMENT, "--weights are all 0: \"%s\"", words);
    return TRI_OK;
}

const char *setup_want_words(unsigned want)
{
    static const char *const words[8] = {"none",  "dense",       "sparse",       "dense,sparse",
                                         "multi", "dense,multi", "sparse,multi", "dense,sparse,multi"};
    return words[want & 7];
}

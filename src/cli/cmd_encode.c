/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_encode.c — `trident encode MODEL`: texts to dense, sparse and multi-vector, in input order.
 *
 * The input is read, encoded and written in windows (encode_stream.h), so memory does not grow with the file; the output
 * appears under its name when it is whole. Heads that are not wanted are not opened. */
#include "cli/cli.h"

#include <string.h>

#include "base/err.h"
#include "cli/encode_stream.h"
#include "cli/vector_sink.h"

struct encode_args {
    const char *input, *output, *to, *want, *prompt;
    int role, pool;
    size_t dim, chunk;
};

#define FIELD(name) offsetof(struct encode_args, name)
static const flag flags[] = {
    {"input", 'i', FLAG_TEXT, "FILE", "-", "texts to encode; - is standard input", FIELD(input)},
    {"output", 'o', FLAG_TEXT, "OUT", "-", "where the vectors go: .jsonl, .npy or .safetensors; - is standard output",
     FIELD(output)},
    {"to", 0, FLAG_WORD, VECTOR_SINK_NAMES, NULL, "format of the output, whatever its suffix says", FIELD(to)},
    {"want", 0, FLAG_TEXT, "dense,sparse,multi", NULL, "what to compute; by default everything that the model has heads for",
     FIELD(want)},
    {"role", 0, FLAG_CHOICE, ENCODE_STREAM_ROLES, "none", "put the model folder's prompt of this name before each text",
     FIELD(role)},
    {"prompt", 0, FLAG_TEXT, "STR", NULL, "put this before each text instead", FIELD(prompt)},
    {"dim", 0, FLAG_COUNT, "N", NULL, "cut dense and multi to the first N values before normalising (Matryoshka)", FIELD(dim)},
    {"chunk", 0, FLAG_COUNT, "N", NULL,
     "the old way, to compare with: cut texts into pieces of N tokens, encode each alone and join their dense vectors",
     FIELD(chunk)},
    {"pool", 0, FLAG_CHOICE, "mean|max", "mean", "how --chunk joins them", FIELD(pool)},
    FLAG_END};

typedef struct encode_output {
    const vector_sink_kind *kind;
    void *sink;
} encode_output;

static tri_status put(void *ctx, const record *records, size_t n, const tri_embeddings *e, tri_error *err)
{
    encode_output *out = ctx;
    return out->kind->put(out->sink, records, n, e, err);
}

static size_t cut(size_t dim, size_t limit)
{
    return limit && limit < dim ? limit : dim;
}

static tri_status check_sink(cli *c, const struct encode_args *args, const vector_sink_kind *kind, unsigned want,
                             tri_error *err)
{
    if (!kind)
        return cli_usage(c, err, "the suffix of %s tells no format: name it .jsonl, .npy or .safetensors, or add --to",
                         args->output);
    if (want & ~kind->can)
        return cli_usage(c, err, ".%s holds %s only, not %s: add --want %s", kind->name, setup_want_words(kind->can),
                         setup_want_words(want), setup_want_words(kind->can));
    if (!kind->writes_streams && strcmp(args->output, "-") == 0)
        return cli_usage(c, err, ".%s cannot go to standard output, its sizes come first and are known last: name a file",
                         kind->name);
    return TRI_OK;
}

static tri_status encode(cli *c, setup_model *m, const vector_sink_kind *kind, unsigned want, tri_error *err)
{
    const struct encode_args *args = c->options;
    vector_sink_plan plan = {.path = args->output,
                             .want = want,
                             .dense_dim = want & TRI_DENSE ? cut(m->info.dense_dim, args->dim) : 0,
                             .multi_dim = want & TRI_MULTI ? cut(m->info.multi_dim, args->dim) : 0};
    encode_output out = {.kind = kind};
    encode_stream s = {.c = c, .model = m, .path = args->input, .what = "encode", .unit = "texts", .put = put, .ctx = &out};
    tri_embed_options_init(&s.options);
    s.options.want = want;
    s.options.role = args->role;
    s.options.prompt = args->prompt;
    s.options.dim = args->dim;
    s.options.chunk = args->chunk;
    s.options.chunk_pool = args->pool;
    TRI_TRY(kind->open(&plan, &out.sink, err));
    tri_status st = encode_stream_run(&s, err);
    if (st == TRI_OK) return kind->commit(out.sink, err);
    kind->discard(out.sink);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct encode_args *args = c->options;
    const vector_sink_kind *kind = vector_sink_find(args->to, args->output);
    setup_model m;
    unsigned want;
    if (setup_parse_want(args->want, &want, err) != TRI_OK) {
        c->wrong_usage = true;
        return TRI_ERR_ARGUMENT;
    }
    TRI_TRY(check_sink(c, args, kind, want, err));
    if (args->chunk && want != TRI_DENSE) return cli_usage(c, err, "--chunk joins dense vectors: add --want dense");
    TRI_TRY(setup_open(&c->shared, c->args[0], want, &m, err));
    if (!want) want = m.info.want;
    tri_status st = check_sink(c, args, kind, want, err);
    if (st == TRI_OK) st = encode(c, &m, kind, want, err);
    setup_close(&m);
    return st;
}

const cli_command cmd_encode = {
    .name = "encode",
    .summary = "texts to dense, sparse and multi-vector",
    .usage = "MODEL [-i FILE] [-o OUT] [--want dense,sparse,multi] [--role query|passage|none]",
    .notes = "in   {\"_id\": \"d1\", \"title\": \"...\", \"text\": \"...\"}, or {\"ids\": [0, 35378, 2]}: token ids used as "
             "they are;\n"
             "     a missing id is the line's number from 0; with a title the text is title + space + text\n"
             "out  .jsonl        {\"id\", \"tokens\", \"truncated\", \"dense\": [], \"sparse\": {\"token id\": weight}, "
             "\"multi\": [[]]}\n"
             "     .npy          float32 [n, D], dense only\n"
             "     .safetensors  dense, sparse_ids, sparse_weights, sparse_offsets, multi, multi_offsets; metadata ids",
    .examples = {"echo '{\"text\": \"hello world\"}' | trident encode small-m3",
                 "trident encode small-m3 -i corpus.jsonl -o corpus.safetensors --role passage --max-length 512"},
    .flags = flags,
    .options_size = sizeof(struct encode_args),
    .shared = SETUP_MODEL | SETUP_LINES,
    .run = run,
    .min_args = 1,
    .max_args = 1,
};

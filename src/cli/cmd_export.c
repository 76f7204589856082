/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_export.c — `trident export packed MODEL`: a model's matrices as the kernels read them, once, beside the model; `export
 * gguf` and `export hf`: the model in other people's forms (export_model.h).
 *
 * The work is the library's (tri_export_packed; int8: export_int8.h). `--check FILE` reads every byte of such a file and
 * compares checksums; it needs no model and no engine. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/export_int8.h"
#include "cli/export_model.h"
#include "cli/json_out.h"
#include "formats/json.h"
#include "formats/packed_file.h"
#include "hub/model_dir.h"
#include "trident.h"
#include "trident/experimental.h"

struct export_args {
    const char *precision, *check, *dtype;
    export_int8 int8; /* output and force are every precision's */
    size_t threads;
};

#define FIELD(name) offsetof(struct export_args, name)
static const flag flags[] = {
    {"precision", 0, FLAG_WORD, "f32|bf16|int8", "f32", "what the matrices are packed for", FIELD(precision)},
    {"output", 'o', FLAG_TEXT, "FILE", NULL,
     "where the file goes (hf: the folder); packed: by default trident-PRECISION.packed beside the model", FIELD(int8.output)},
    {"dtype", 0, FLAG_WORD, "f32|f16|q8_0", NULL, "gguf: what matrices are stored as; f16 if not given", FIELD(dtype)},
    {"check", 0, FLAG_TEXT, "FILE", NULL, "read a packed file to its last byte and compare its checksums", FIELD(check)},
    {"calibrate", 0, FLAG_TEXT, "TEXTS", NULL, "int8: fit the rounding to these texts, as encode takes them",
     FIELD(int8.texts)},
    {"hold-out", 0, FLAG_COUNT, "N", NULL, "int8: texts that are kept apart to measure the loss; 0 is a quarter",
     FIELD(int8.hold_out)},
    {"queries", 0, FLAG_TEXT, "FILE", NULL, "int8: measure nDCG@10 too, of these queries, by dense vectors",
     FIELD(int8.queries)},
    {"corpus", 0, FLAG_TEXT, "FILE", NULL, "int8: the texts that the queries search", FIELD(int8.corpus)},
    {"qrels", 0, FLAG_TEXT, "FILE", NULL, "int8: what is relevant to the queries", FIELD(int8.qrels)},
    {"force", 0, FLAG_SWITCH, NULL, NULL,
     "write the file even when the same is there, and int8 whatever it loses; hf: replace a model's files", FIELD(int8.force)},
    {"threads", 0, FLAG_COUNT, "N", NULL, "threads; 0 is all the processors that this process may use", FIELD(threads)},
    FLAG_END};

static tri_status print(buf *out, tri_status st, tri_error *err)
{
    st = st ? err_set(err, st, "could not write the result") : cli_print(out, err);
    buf_drop(out);
    return st;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static tri_status describe_export(const cli *c, const tri_export_result *r, buf *out)
{
    const struct export_args *args = c->options;
    if (!c->shared.json) return buf_printf(out, "%s\n", r->path);
    TRI_TRY(buf_str(out, "{\"file\": "));
    TRI_TRY(json_out_str(out, r->path));
    return buf_printf(out, ", \"precision\": \"%s\", \"matrices\": %zu, \"bytes\": %" PRIu64 ", \"was_there\": %s}\n",
                      args->precision, r->n_matrices, r->bytes, r->was_there ? "true" : "false");
}

static tri_status write_plain(cli *c, tri_engine *engine, const char *dir, tri_error *err)
{
    const struct export_args *args = c->options;
    tri_export_options o;
    tri_export_result r;
    buf out;
    tri_export_options_init(&o);
    o.precision = args->precision;
    o.to = args->int8.output;
    o.force = args->int8.force;
    o.progress = progress_whole;
    o.progress_ctx = &c->bar;
    progress_begin(&c->bar, "export", "bytes", 0, c->shared.quiet);
    TRI_TRY(tri_export_packed(engine, dir, &o, &r, err));
    progress_end(&c->bar);
    cli_note(c, "%zu matrices for %s, %.1f MB%s", r.n_matrices, args->precision, (double)r.bytes / 1e6,
             r.was_there ? "; already there, nothing to do" : "");
    buf_init(&out, 0);
    return print(&out, describe_export(c, &r, &out), err);
}

/* The result's path is what goes to standard output. */
static tri_status check_place(cli *c, tri_error *err)
{
    const struct export_args *args = c->options;
    const char *to = args->int8.output;
    if (!to || (to[0] && strcmp(to, "-") != 0)) return TRI_OK;
    return cli_usage(c, err, "-o \"%s\": a model is not written to standard output; give it a name", to);
}

static tri_status check_packed(cli *c, tri_error *err)
{
    const struct export_args *args = c->options;
    const export_int8 *i = &args->int8;
    int task = (i->queries != NULL) + (i->corpus != NULL) + (i->qrels != NULL);
    if (args->dtype) return cli_usage(c, err, "--dtype is for export gguf; packed takes --precision");
    if (i->texts && strcmp(args->precision, "int8") != 0)
        return cli_usage(c, err, "--calibrate is for --precision int8, not %s", args->precision);
    if ((task || i->hold_out) && !i->texts)
        return cli_usage(c, err, "--hold-out, --queries, --corpus and --qrels go with --calibrate TEXTS");
    if (task % 3) return cli_usage(c, err, "--queries, --corpus and --qrels go together");
    return TRI_OK;
}

static tri_status write_packed(cli *c, tri_engine *engine, const char *model, tri_error *err)
{
    const struct export_args *args = c->options;
    return args->int8.texts ? export_int8_run(c, engine, model, &args->int8, err) : write_plain(c, engine, model, err);
}

/* gguf and hf */
static tri_status check_whole(cli *c, tri_error *err)
{
    const struct export_args *args = c->options;
    const export_int8 *i = &args->int8;
    if (!i->output)
        return cli_usage(c, err, "no place given: trident export %s MODEL -o %s", c->args[0],
                         strcmp(c->args[0], "hf") == 0 ? "FOLDER" : "FILE.gguf");
    if (args->dtype && strcmp(c->args[0], "hf") == 0)
        return cli_usage(c, err, "--dtype is for export gguf; a folder keeps the types that the model has");
    if (i->texts || i->queries || i->corpus || i->qrels || i->hold_out)
        return cli_usage(c, err, "--calibrate, --hold-out, --queries, --corpus and --qrels are for export packed");
    return TRI_OK;
}

static export_model whole_args(const cli *c)
{
    const struct export_args *args = c->options;
    return (export_model){args->int8.output, args->dtype, args->int8.force};
}

static tri_status write_gguf(cli *c, tri_engine *engine, const char *model, tri_error *err)
{
    export_model m = whole_args(c);
    return export_model_gguf(c, engine, model, &m, err);
}

static tri_status write_hf(cli *c, tri_engine *engine, const char *model, tri_error *err)
{
    export_model m = whole_args(c);
    return export_model_hf(c, engine, model, &m, err);
}

typedef struct form {
    const char *name;
    tri_status (*check)(cli *c, tri_error *err);
    tri_status (*write)(cli *c, tri_engine *engine, const char *model, tri_error *err);
} form;

static const form forms[] = {
    {"packed", check_packed, write_packed}, {"gguf", check_whole, write_gguf}, {"hf", check_whole, write_hf}};

static const form *find_form(const char *name)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, name) == 0) return &forms[i];
    return NULL;
}

static tri_status write_form(cli *c, const form *f, const char *model, tri_error *err)
{
    const struct export_args *args = c->options;
    char dir[LIMIT_PATH];
    tri_engine *engine;
    tri_engine_options eo;
    if (args->threads > 4096) return cli_usage(c, err, "--threads is at most 4096, got %zu", args->threads);
    TRI_TRY(check_place(c, err));
    TRI_TRY(f->check(c, err));
    tri_engine_options_init(&eo);
    eo.device = "cpu"; /* what is written is the processor's form */
    eo.threads = (int)args->threads;
    eo.log = cli_log;
    eo.log_ctx = c;
    TRI_TRY(model_dir_find(model, dir, sizeof dir, err));
    TRI_TRY(tri_engine_open(&eo, &engine, err));
    tri_status st = f->write(c, engine, dir, err);
    tri_engine_close(engine);
    return st;
}

/* ---- checking -------------------------------------------------------------------------------------------------------- */

/* The recipe comes from the file: shown when it is JSON, which holds no control characters. */
static tri_status add_recipe(const packed_file *f, buf *out)
{
    json_t *recipe;
    if (json_text_load(f->recipe.bytes, f->recipe.len, "recipe", &recipe, NULL)) return buf_str(out, "null");
    json_decref(recipe);
    return buf_append(out, f->recipe.bytes, f->recipe.len);
}

static tri_status describe_sources(const packed_file *f, buf *out)
{
    for (size_t i = 0; i < f->n_sources; i++) {
        packed_source s = packed_file_source(f, i);
        TRI_TRY(buf_str(out, i ? ", {\"name\": " : "{\"name\": "));
        TRI_TRY(json_out_text(out, s.name.bytes, s.name.len));
        TRI_TRY(buf_printf(out, ", \"bytes\": %" PRIu64 "}", s.stamp.bytes));
    }
    return TRI_OK;
}

static tri_status describe_check(const cli *c, const packed_file *f, buf *out)
{
    if (!c->shared.json) {
        TRI_TRY(buf_printf(out, "%s: %zu matrices, %.1f MB, every checksum holds; recipe ", f->path, f->n_entries,
                           (double)f->map.len / 1e6));
        TRI_TRY(add_recipe(f, out));
        return buf_str(out, "\n");
    }
    TRI_TRY(buf_str(out, "{\"file\": "));
    TRI_TRY(json_out_str(out, f->path));
    TRI_TRY(buf_printf(out, ", \"ok\": true, \"matrices\": %zu, \"bytes\": %zu, \"identity\": \"", f->n_entries, f->map.len));
    for (size_t i = 0; i < HASH128_BYTES; i++) TRI_TRY(buf_printf(out, "%02x", f->identity[i]));
    TRI_TRY(buf_str(out, "\", \"sources\": ["));
    TRI_TRY(describe_sources(f, out));
    TRI_TRY(buf_str(out, "], \"recipe\": "));
    TRI_TRY(add_recipe(f, out));
    return buf_str(out, "}\n");
}

static tri_status check_file(cli *c, const char *path, tri_error *err)
{
    packed_file f;
    buf out;
    TRI_TRY(packed_file_open(path, &f, err));
    progress_begin(&c->bar, "check", "bytes", f.map.len, c->shared.quiet);
    tri_status st = packed_file_verify(&f, progress_whole, &c->bar, err);
    if (!st) {
        progress_end(&c->bar);
        buf_init(&out, 0);
        st = print(&out, describe_check(c, &f, &out), err);
    } else if (st == TRI_ERR_FORMAT) {
        err_hint(err, st, "remove it and make it again with trident export packed");
    }
    packed_file_close(&f);
    return st;
}

static tri_status run(cli *c, tri_error *err)
{
    const struct export_args *args = c->options;
    const form *f = find_form(c->args[0]);
    if (!f) return cli_usage(c, err, "no such form \"%s\": packed, gguf and hf are known", c->args[0]);
    if (args->check && f != &forms[0]) return cli_usage(c, err, "--check looks at packed files alone");
    if (args->check && c->n_args > 1) return cli_usage(c, err, "--check looks at a file alone, without \"%s\"", c->args[1]);
    if (args->check) return check_file(c, args->check, err);
    if (c->n_args < 2) return cli_usage(c, err, "no MODEL given: trident export %s MODEL", f->name);
    return write_form(c, f, c->args[1], err);
}

const cli_command cmd_export = {
    .name = "export",
    .summary = "write a model packed for this machine's kernels, as GGUF for llama.cpp, or as a Hugging Face folder",
    .usage = "packed MODEL [--precision f32|bf16] [-o FILE] [--force]\n"
             "packed MODEL --precision int8 --calibrate TEXTS [--hold-out N] [--queries Q --corpus C --qrels R] [--force]\n"
             "packed --check FILE\n"
             "gguf MODEL -o FILE.gguf [--dtype f32|f16|q8_0]\n"
             "hf MODEL -o FOLDER [--force]",
    .notes =
        "packed: without a packed file the weights are brought into the kernels' layout at every start. With one it is mapped: "
        "starts\n"
        "are instant and processes share its pages. The layout is the same for every instruction set. The file knows which\n"
        "weights it was made from and is left alone when they change. Prints the file's path.\n"
        "\n"
        "int8 needs texts of the kind that will be encoded: at most 512 of them, 131,072 tokens, drawn evenly from the file.\n"
        "Three quarters fit the rounding, the others tell what it costs, against f32, by the kernels that will run. The "
        "figures\n"
        "are printed; a file that misses one of these bars is not written, unless --force accepts it:\n"
        "  dense   cosine at least 0.9997 on average and 0.998 for the worst text\n"
        "  multi   cosine at least 0.9985 at the 5th percentile of all tokens\n"
        "  sparse  at least 4.8 of a text's 5 heaviest tokens kept, on average\n"
        "  nDCG    at most 0.5 per cent of nDCG@10 lost, where a task is given\n"
        "They stay in the file: trident info MODEL --precision int8 shows them.\n"
        "\n"
        "gguf writes what llama.cpp reads: BERT, XLM-RoBERTa and nomic-bert, with tokenizer and pooling. It refuses tensors "
        "that\n"
        "it does not know, so the sparse and multi-vector heads go into FILE.heads.gguf beside FILE.gguf, where trident finds\n"
        "them. Only matrices take the --dtype. A .gguf file, this or another's, is a MODEL for every command.\n"
        "\n"
        "hf writes a folder that transformers, sentence-transformers and FlagEmbedding load, also out of a .gguf file; its\n"
        "quantised tensors become f32.",
    .examples = {"trident export packed small-m3 --precision bf16",
                 "trident export gguf small-m3 -o small-m3.gguf --dtype q8_0"},
    .flags = flags,
    .options_size = sizeof(struct export_args),
    .shared = SETUP_JSON | SETUP_LINES,
    .run = run,
    .min_args = 1,
    .max_args = 2,
};

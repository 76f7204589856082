/* SPDX-License-Identifier: Apache-2.0 */
/* export_model.c — the library does the work (tri_export_gguf, tri_export_hf); here it is asked for and told about. */
#include "cli/export_model.h"

#include <inttypes.h>

#include "base/err.h"
#include "cli/json_out.h"
#include "trident/experimental.h"

static tri_status describe(const cli *c, const export_model *args, const tri_write_result *r, bool is_gguf, buf *out)
{
    if (!c->shared.json) {
        TRI_TRY(buf_printf(out, "%s\n", args->output));
        return r->heads[0] ? buf_printf(out, "%s\n", r->heads) : TRI_OK;
    }
    TRI_TRY(buf_str(out, is_gguf ? "{\"file\": " : "{\"folder\": "));
    TRI_TRY(json_out_str(out, args->output));
    if (is_gguf) {
        TRI_TRY(buf_str(out, ", \"heads_file\": "));
        TRI_TRY(json_out_str(out, r->heads[0] ? r->heads : NULL));
        TRI_TRY(buf_printf(out, ", \"dtype\": \"%s\", \"tensors\": %zu", args->dtype ? args->dtype : "f16", r->n_tensors));
    }
    return buf_printf(out, ", \"files\": %zu, \"bytes\": %" PRIu64 "}\n", r->n_files, r->bytes);
}

static tri_status print(cli *c, const export_model *args, const tri_write_result *r, bool is_gguf, tri_error *err)
{
    buf out;
    buf_init(&out, 0);
    tri_status st = describe(c, args, r, is_gguf, &out);
    st = st ? err_set(err, st, "could not write the result") : cli_print(&out, err);
    buf_drop(&out);
    return st;
}

static void set_options(cli *c, const export_model *args, tri_write_options *o)
{
    tri_write_options_init(o);
    o->to = args->output;
    o->dtype = args->dtype;
    o->force = args->force;
    o->progress = progress_whole;
    o->progress_ctx = &c->bar;
    progress_begin(&c->bar, "export", "bytes", 0, c->shared.quiet);
}

tri_status export_model_gguf(cli *c, tri_engine *engine, const char *model, const export_model *args, tri_error *err)
{
    tri_write_options o;
    tri_write_result r;
    set_options(c, args, &o);
    TRI_TRY(tri_export_gguf(engine, model, &o, &r, err));
    progress_end(&c->bar);
    cli_note(c, "%zu tensors, %.1f MB%s", r.n_tensors, (double)r.bytes / 1e6,
             r.heads[0] ? "; the heads that llama.cpp does not know are in the second file" : "");
    return print(c, args, &r, true, err);
}

tri_status export_model_hf(cli *c, tri_engine *engine, const char *model, const export_model *args, tri_error *err)
{
    tri_write_options o;
    tri_write_result r;
    set_options(c, args, &o);
    TRI_TRY(tri_export_hf(engine, model, &o, &r, err));
    progress_end(&c->bar);
    cli_note(c, "%zu files, %.1f MB of tensors", r.n_files, (double)r.bytes / 1e6);
    return print(c, args, &r, false, err);
}

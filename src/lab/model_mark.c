/* SPDX-License-Identifier: Apache-2.0 */
/* model_mark.c — a fine-tuned model has the names and sizes of the one it came from, and other bytes all over its tensors: some
 * hundred samples tell them apart, and cost no reading of gigabytes at every start. */
#include "lab/model_mark.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/limits.h"

enum { WHOLE = 1 << 20, SAMPLES = 256, SAMPLE = WHOLE / SAMPLES };

typedef struct marker {
    const char *folder;
    uint64_t sum; /* of the files' hashes: a folder has no order */
} marker;

static tri_status mark_file(const char *path, const char *name, uint64_t *sum, tri_error *err)
{
    mapped_file file;
    TRI_TRY(mapped_file_open(path, &file, err));
    uint64_t hash = hash64_seed(name, strlen(name), file.len);
    if (file.len <= WHOLE)
        hash = hash64_seed(file.data, file.len, hash);
    else
        for (size_t i = 0; i < SAMPLES; i++)
            hash = hash64_seed(file.data + (file.len - SAMPLE) / (SAMPLES - 1) * i, SAMPLE, hash);
    mapped_file_close(&file);
    *sum += hash;
    return TRI_OK;
}

/* Not a training's states and logs, which change without the model. */
static bool is_of_a_model(const char *name)
{
    static const char *const suffixes[] = {".json", ".txt", ".model", ".safetensors", ".bin", ".pt", ".gguf", ".charsmap"};
    static const char *const others[] = {"optimizer.", "scheduler.", "trainer_state.", "training_args.", "rng_state"};
    const char *dot = strrchr(name, '.');
    bool found = false;
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++) found = found || strcmp(dot, suffixes[i]) == 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0) return false;
    return found && name[0] != '.';
}

static tri_status mark_module_file(void *ctx, const char *name, tri_error *err)
{
    marker *m = ctx;
    char path[LIMIT_PATH];
    if (!is_of_a_model(name) || file_join(path, sizeof path, m->folder, name) != TRI_OK || !file_exists(path)) return TRI_OK;
    return mark_file(path, name, &m->sum, err);
}

static tri_status mark_name(void *ctx, const char *name, tri_error *err)
{
    marker *m = ctx;
    char path[LIMIT_PATH];
    if (!isdigit((unsigned char)name[0])) return mark_module_file(ctx, name, err);
    if (file_join(path, sizeof path, m->folder, name) != TRI_OK || !file_is_dir(path)) return TRI_OK;
    marker module = {.folder = path};
    TRI_TRY(folder_each(path, mark_module_file, &module, err));
    m->sum += hash64_seed(name, strlen(name), module.sum);
    return TRI_OK;
}

tri_status model_mark(const char *path, uint64_t *mark, tri_error *err)
{
    marker m = {.folder = path};
    TRI_TRY(file_is_dir(path) ? folder_each(path, mark_name, &m, err) : mark_file(path, "", &m.sum, err));
    *mark = m.sum;
    return TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c — where is the card's plugin, and is it of this build? */
#include "compute/plugin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "compute/packed.h"

static const char FILE_NAME[] = "libtrident_cuda.so";

/* ---- what the plugin is given --------------------------------------------------------------------------------------- */

static tri_status host_pack(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                            packed_matrix **out, tri_error *err)
{
    return packed_make(c, dtype_to_f32, parts, n_parts, k, p, smoothing, out, err);
}

static tri_status host_adopt(const packed_place *place, size_t n, size_t k, precision p, packed_extras extras,
                             packed_matrix **out, tri_error *err)
{
    return packed_adopt(NULL, place, n, k, p, extras, out, err);
}

static const plugin_host host = {
    .abi = PLUGIN_ABI,
    .bytes = sizeof host,
    .alloc = mem_alloc,
    .free = mem_free,
    .fail = err_set,
    .hint = err_hint,
    .pack = host_pack,
    .adopt = host_adopt,
    .packed_free = packed_free,
};

/* ---- finding it ------------------------------------------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    const plugin_card *card;
    char path[LIMIT_PATH], named[LIMIT_PATH];
} found = {.lock = PTHREAD_MUTEX_INITIALIZER};

static tri_status say_other_build(const char *path, const plugin_card *card, tri_error *err)
{
    if (!card)
        err_set(err, TRI_ERR_MISMATCH, "could not use %s: it does not speak this library's treaty, number %d", path,
                PLUGIN_ABI);
    else
        err_set(err, TRI_ERR_MISMATCH, "could not use %s: it speaks treaty %u of another Trident, this library %d", path,
                (unsigned)card->abi, PLUGIN_ABI);
    return err_hint(err, TRI_ERR_MISMATCH, "build both from one tree: cmake -B build -DTRI_CUDA=ON && cmake --build build");
}

static bool is_ours(const plugin_card *card)
{
    return card && card->abi == PLUGIN_ABI && card->bytes == sizeof *card && card->ops_bytes == sizeof *card->ops &&
           card->memory_bytes == sizeof *card->memory;
}

static tri_status say_not_loaded(const char *path, tri_error *err)
{
    const char *why = dlerror();
    err_set(err, TRI_ERR_UNSUPPORTED, "could not load %s: %s", path, why ? why : "no reason given");
    return err_hint(err, TRI_ERR_UNSUPPORTED,
                    "it needs the CUDA runtime and cuBLASLt libraries of the toolkit it was built with on the loader's path");
}

/* path without a slash: the system's loader looks for it */
static tri_status load(const char *path, tri_error *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return say_not_loaded(path, err);
    plugin_entry entry;
    void *symbol = dlsym(library, PLUGIN_ENTRY);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from an object's pointer to a function's */
    const plugin_card *card = symbol ? entry(&host) : NULL;
    if (!is_ours(card)) {
        tri_status st = say_other_build(path, card, err);
        dlclose(library);
        return st;
    }
    snprintf(found.path, sizeof found.path, "%s", path);
    found.card = card;
    return TRI_OK;
}

/* Beside the file that holds this function. */
static bool find_beside(const char *between, char out[LIMIT_PATH])
{
    Dl_info info;
    const char *slash;
    if (!dladdr(&host, &info) || !info.dli_fname || !(slash = strrchr(info.dli_fname, '/'))) return false;
    int n = snprintf(out, LIMIT_PATH, "%.*s/%s%s", (int)(slash - info.dli_fname), info.dli_fname, between, FILE_NAME);
    return n > 0 && n < LIMIT_PATH && file_exists(out);
}

/* Asked first: loading the plugin brings CUDA's libraries in, half a gigabyte that a machine without a card need not map. */
static bool has_driver(void)
{
    void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver) dlclose(driver);
    return driver != NULL;
}

static tri_status say_no_driver(tri_error *err)
{
    err_set(err, TRI_ERR_NOT_FOUND, "could not use a CUDA card: there is no NVIDIA driver here (libcuda.so.1)");
    return err_hint(err, TRI_ERR_NOT_FOUND,
                    "install it, or in a container start that with the card (docker run --gpus all); nvidia-smi must list it");
}

static tri_status find(tri_error *err)
{
    static const char *const between[] = {"", "../lib/"};
    char path[LIMIT_PATH];
    if (strcmp(found.named, "none") == 0)
        return err_set(err, TRI_ERR_NOT_FOUND, "could not use a CUDA card: the plugin was named \"none\"");
    if (found.named[0]) return load(found.named, err);
    if (!has_driver()) return say_no_driver(err);
    for (size_t i = 0; i < sizeof between / sizeof *between; i++)
        if (find_beside(between[i], path)) return load(path, err);
    if (load(FILE_NAME, NULL) == TRI_OK) return TRI_OK;
    err_set(err, TRI_ERR_NOT_FOUND, "could not use a CUDA card: the plugin %s is not there", FILE_NAME);
    return err_hint(err, TRI_ERR_NOT_FOUND,
                    "build it where the CUDA toolkit is (cmake -B build -DTRI_CUDA=ON), and keep it beside the program");
}

tri_status plugin_choose(const char *path, tri_error *err)
{
    tri_status st = TRI_OK;
    if (!path) path = "";
    if (strlen(path) >= sizeof found.named)
        return err_set(err, TRI_ERR_LIMIT, "could not use a plugin whose path has %zu bytes", strlen(path));
    pthread_mutex_lock(&found.lock);
    if (found.card && strcmp(path, found.named) != 0)
        st = err_set(err, TRI_ERR_STATE, "could not choose the plugin %s: %s is open already", path, found.path);
    else
        snprintf(found.named, sizeof found.named, "%s", path);
    pthread_mutex_unlock(&found.lock);
    return st;
}

tri_status plugin_find(const plugin_card **out, const char **path, tri_error *err)
{
    pthread_mutex_lock(&found.lock);
    tri_status st = found.card ? TRI_OK : find(err);
    pthread_mutex_unlock(&found.lock);
    *out = found.card;
    if (path) *path = found.path;
    return st;
}

/* ---- opening a card ------------------------------------------------------------------------------------------------- */

tri_status plugin_open(const card_options *o, pool *threads, compute **out, tri_error *err)
{
    const plugin_card *card;
    *out = NULL;
    TRI_TRY(plugin_find(&card, NULL, err));
    compute *c = mem_calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c);
    *c = (compute){.ops = card->ops, .memory = card->memory, .threads = threads};
    tri_status st = card->open(c, o, err);
    if (st) {
        mem_free(c);
        return st;
    }
    *out = c;
    return TRI_OK;
}

void plugin_close(compute *c)
{
    if (c->memory) found.card->close(c);
}

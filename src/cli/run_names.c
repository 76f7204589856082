/* SPDX-License-Identifier: Apache-2.0 */
/* run_names.c — what is this run called in one word, when its path is long? */
#include "cli/run_names.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "lab/plan.h"

enum { PLAN_NAME = 90 }; /* a plan takes 100 bytes; "-2" and the like come after */

static const char run_file[] = "/run.trec";

size_t run_names_folder(const char *path)
{
    size_t len = strlen(path), tail = sizeof run_file - 1;
    return len > tail && strcmp(path + len - tail, run_file) == 0 ? len - tail : 0;
}

/* In place: each character that is none, or that none should print, is one "_". */
static void clean(char *name)
{
    size_t len = strlen(name), to = 0;
    for (size_t from = 0, step; from < len; from += step) {
        uint32_t cp;
        bool bad = false;
        step = utf8_next((const uint8_t *)name + from, len - from, &cp, &bad);
        if (bad || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
            name[to++] = '_';
            continue;
        }
        memmove(name + to, name + from, step);
        to += step;
    }
    name[to] = 0;
}

static char *shorten(arena *memory, const char *path)
{
    size_t folder = run_names_folder(path), end = folder ? folder : strlen(path);
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    if (!folder) {
        const char *dot = memrchr(path + start, '.', end - start);
        if (dot && dot > path + start) end = (size_t)(dot - path);
    }
    char *name = end > start ? arena_copy(memory, path + start, end - start) : arena_copy(memory, "run", 3);
    if (name) clean(name);
    return name;
}

static bool is_taken(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* names[i] = the name, or the first of NAME-2, NAME-3, ... that is not among those before it. */
static tri_status put_unique(arena *memory, const char *name, const char **names, size_t i, tri_error *err)
{
    const char *tried = name;
    for (unsigned k = 2; tried && is_taken(names, i, tried); k++) tried = arena_printf(memory, "%s-%u", name, k);
    names[i] = tried;
    return tried ? TRI_OK : err_memory(err, PLAN_NAME);
}

tri_status run_names_make(arena *memory, const char *const *paths, size_t n, const char **names, tri_error *err)
{
    for (size_t i = 0; i < n; i++) TRI_TRY(put_unique(memory, shorten(memory, paths[i]), names, i, err));
    return TRI_OK;
}

/* What a plan would refuse even so (it begins with a dot, a file of the run is called so) has "run-" before it. */
static void write_for_plan(const char *name, char out[PLAN_NAME])
{
    size_t len = strlen(name), to = 4;
    memcpy(out, "run-", 4);
    for (size_t from = 0; from < len && to + 1 < PLAN_NAME;) {
        char one[] = {name[from], 0};
        size_t step = utf8_len((uint8_t)name[from]);
        bool is_kept = step == 1 && (strchr("._-+@", one[0]) || plan_is_version_name(one));
        out[to++] = is_kept ? one[0] : '_';
        from += step;
    }
    out[to] = 0;
    if (plan_is_version_name(out + 4)) memmove(out, out + 4, to - 3);
}

tri_status run_names_for_plan(arena *memory, const char *const *names, size_t n, const char **out, tri_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char name[PLAN_NAME];
        write_for_plan(names[i], name);
        TRI_TRY(put_unique(memory, arena_copy(memory, name, strlen(name)), out, i, err));
    }
    return TRI_OK;
}

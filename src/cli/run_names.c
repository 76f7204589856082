/* SPDX-License-Identifier: Apache-2.0 */
/* run_names.c — what is this run called in one word, when its path is long? */
#include "cli/run_names.h"

#include <string.h>

#include "base/err.h"

static const char run_file[] = "/run.trec";

size_t run_names_folder(const char *path)
{
    size_t len = strlen(path), tail = sizeof run_file - 1;
    return len > tail && strcmp(path + len - tail, run_file) == 0 ? len - tail : 0;
}

static bool is_kept(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
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
    for (char *p = name; p && *p; p++)
        if (!is_kept(*p)) *p = '_';
    return name;
}

static bool is_taken(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

tri_status run_names_make(arena *memory, const char *const *paths, size_t n, const char **names, tri_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = shorten(memory, paths[i]), *tried = name;
        for (unsigned k = 2; tried && is_taken(names, i, tried); k++) tried = arena_printf(memory, "%s-%u", name, k);
        if (!tried) return err_memory(err, strlen(paths[i]));
        names[i] = tried;
    }
    return TRI_OK;
}

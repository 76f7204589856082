/* SPDX-License-Identifier: Apache-2.0 */
/* model_dir.c — which folder does a MODEL argument mean?
 *
 * An existing path wins over a pulled model of the same name, as `ls` would have it: what the user sees in his folder is what
 * is used. What cannot be a model's name and is not there is reported as a path; a possible name gets the `pull` line.
 *
 * This file and cmd_pull.c are the only readers of the environment for the sake of models: XDG_CACHE_HOME and HOME here. */
#include "hub/model_dir.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"

enum { NAME_PART_MAX = 96 }; /* the hub's own bound on a repository's name */

static bool is_name_part(const char *s, size_t len)
{
    if (len == 0 || len > NAME_PART_MAX || s[0] == '.' || s[0] == '-') return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (!(c < 0x80 && isalnum(c)) && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

bool model_dir_is_name(const char *name)
{
    const char *slash = strchr(name, '/');
    if (!slash) return is_name_part(name, strlen(name));
    return is_name_part(name, (size_t)(slash - name)) && is_name_part(slash + 1, strlen(slash + 1));
}

static tri_status find_cache(char *out, size_t cap, tri_error *err)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (xdg && xdg[0] == '/')
        n = snprintf(out, cap, "%s/trident/models", xdg);
    else if (home && home[0])
        n = snprintf(out, cap, "%s/.cache/trident/models", home);
    else {
        err_set(err, TRI_ERR_NOT_FOUND, "no model cache: neither XDG_CACHE_HOME nor HOME is set");
        return err_hint(err, TRI_ERR_NOT_FOUND, "set HOME, or name the model's folder by its path");
    }
    if (n < 0 || (size_t)n >= cap) return err_set(err, TRI_ERR_LIMIT, "path of the model cache is longer than %zu bytes", cap);
    return TRI_OK;
}

tri_status model_dir_of_name(const char *name, char *out, size_t cap, tri_error *err)
{
    char cache[LIMIT_PATH];
    if (!model_dir_is_name(name)) {
        err_set(err, TRI_ERR_ARGUMENT, "\"%s\" is not a model name", name);
        return err_hint(err, TRI_ERR_ARGUMENT, "a name is NAME or ORG/NAME, as in small-m3 or BAAI/bge-m3");
    }
    TRI_TRY(find_cache(cache, sizeof cache, err));
    if (file_join(out, cap, cache, name) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of model \"%s\" is longer than %zu bytes", name, cap);
    return TRI_OK;
}

tri_status model_dir_find(const char *name_or_path, char *out, size_t cap, tri_error *err)
{
    if (!name_or_path[0]) return err_set(err, TRI_ERR_ARGUMENT, "the model's name is empty");
    if (file_is_dir(name_or_path) || file_exists(name_or_path)) {
        int n = snprintf(out, cap, "%s", name_or_path);
        if (n < 0 || (size_t)n >= cap) return err_set(err, TRI_ERR_LIMIT, "model path is longer than %zu bytes", cap);
        return TRI_OK;
    }
    if (!model_dir_is_name(name_or_path)) {
        err_set(err, TRI_ERR_NOT_FOUND, "no model folder or file at \"%s\"", name_or_path);
        return err_hint(err, TRI_ERR_NOT_FOUND, "name a model folder, a .gguf file, or a pulled model such as small-m3");
    }
    char path[LIMIT_PATH];
    TRI_TRY(model_dir_of_name(name_or_path, path, sizeof path, err));
    if (!file_is_dir(path)) {
        err_set(err, TRI_ERR_NOT_FOUND, "model \"%s\" is neither a path nor in the model cache (%s)", name_or_path, path);
        return err_hint(err, TRI_ERR_NOT_FOUND, "trident pull %s", name_or_path);
    }
    int n = snprintf(out, cap, "%s", path);
    if (n < 0 || (size_t)n >= cap) return err_set(err, TRI_ERR_LIMIT, "model path is longer than %zu bytes", cap);
    return TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* pulled_model.c — looks where the programs look. */
#include "pulled_model.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

const char *pulled_model(const char *name)
{
    static char path[4096];
    const char *set = getenv("TRI_MODELS"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    struct stat info;
    if (set)
        snprintf(path, sizeof path, "%s/%s", set, name);
    else if (cache)
        snprintf(path, sizeof path, "%s/trident/models/%s", cache, name);
    else
        snprintf(path, sizeof path, "%s/.cache/trident/models/%s", home ? home : "", name);
    return stat(path, &info) == 0 ? path : NULL;
}

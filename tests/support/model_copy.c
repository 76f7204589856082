/* SPDX-License-Identifier: Apache-2.0 */
/* model_copy.c — see model_copy.h. */
#include "model_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char folder[] = "/tmp/trident-model-XXXXXX";

bool model_copy_begin(void)
{
    return mkdtemp(folder) != NULL;
}

void model_copy_end(void)
{
    char line[64];
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    if (system(line) != 0) fail_msg("%s", line);
}

void model_copy_fresh(void)
{
    shell("rm -rf m && cp -rL '" TEST_ROOT "/tests/golden/tiny/model' m && chmod -R u+w m");
}

const char *in_folder(const char *name)
{
    static char paths[8][512];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/m/%s", folder, name);
    return path;
}

void shell(const char *command)
{
    char line[1024];
    snprintf(line, sizeof line, "cd '%s' && %s", folder, command);
    if (system(line) != 0) fail_msg("%s", line);
}

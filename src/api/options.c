/* SPDX-License-Identifier: Apache-2.0 */
/* options.c — options structs that grow: a caller compiled against an older header gives a shorter one. */
#include <string.h>

#include "api/engine.h"

void options_take(void *mine, size_t my_size, const void *theirs)
{
    size_t size;
    if (!theirs) return;
    memcpy(&size, theirs, sizeof size);
    if (size > my_size) size = my_size;
    if (size >= sizeof size) memcpy(mine, theirs, size);
    memcpy(mine, &my_size, sizeof my_size);
}

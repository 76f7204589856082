/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h — the names in a folder. */
#ifndef TRI_BASE_FOLDER_H
#define TRI_BASE_FOLDER_H

#include "trident/status.h"

typedef tri_status (*folder_fn)(void *ctx, const char *name, tri_error *err);

/* Calls fn for each name but "." and "..", in no particular order, until one fails. fn may remove the file. */
tri_status folder_each(const char *dir, folder_fn fn, void *ctx, tri_error *err);

#endif

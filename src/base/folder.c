/* SPDX-License-Identifier: Apache-2.0 */
/* folder.c — which names does a folder hold? Opening counts as a read for fault injection. The list is the system's, taken as
 * it comes: names added or removed meanwhile may or may not be seen, and the order is nobody's promise. */
#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/fault.h"

tri_status folder_each(const char *dir, folder_fn fn, void *ctx, tri_error *err)
{
    DIR *d = fault_hit(FAULT_READ) ? (errno = EIO, NULL) : opendir(dir);
    if (!d)
        return err_set(err, errno == ENOENT ? TRI_ERR_NOT_FOUND : TRI_ERR_IO, "could not list folder %s: %s", dir,
                       strerror(errno));
    tri_status st = TRI_OK;
    for (struct dirent *e = readdir(d); e && st == TRI_OK; e = readdir(d))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) st = fn(ctx, e->d_name, err);
    closedir(d);
    return st;
}

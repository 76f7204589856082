/* SPDX-License-Identifier: Apache-2.0 */
/* writer_lock.c — who may write, and what did a killed writer leave?
 *
 * A sweep removes what a finished or failed writer would have removed: numbered files that the manifest does not name, and
 * temporary files of base/file.h ("NAME.tmp.PID.N"). It recognises them by their whole name; anything else in the folder is
 * the user's. A reader that is just opening may lose such a file when a commit replaced it; it then finds a newer manifest
 * and begins again (collection.c). What it has mapped stays readable without a name. */
#include "index/writer_lock.h"

#include <string.h>

#include "base/err.h"
#include "base/folder.h"
#include "base/limits.h"

tri_status writer_lock_take(const char *dir, lock_file *out, tri_error *err)
{
    char path[LIMIT_PATH];
    long holder = 0;
    if (file_join(path, sizeof path, dir, INDEX_LOCK) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    tri_status st = lock_file_take(path, out, &holder, err);
    if (st != TRI_ERR_STATE) return st;
    if (holder)
        err_set(err, st, "index %s is being written by process %ld", dir, holder);
    else
        err_set(err, st, "index %s is being written by another process", dir);
    return err_hint(err, st, "wait until it is done; readers need not wait");
}

/* "00000001.keys" into id and kind; *end = what follows. */
static bool parse_numbered(const char *name, uint32_t *id, index_kind *kind, const char **end)
{
    uint32_t x = 0;
    for (int i = 0; i < 8; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        x = x * 10 + (uint32_t)(name[i] - '0');
    }
    if (name[8] != '.') return false;
    for (int k = 1; k < INDEX_KINDS; k++) {
        const char *what = segment_file_kind_name((index_kind)k);
        size_t len = strlen(what);
        if (strncmp(name + 9, what, len) != 0 || (name[9 + len] != 0 && name[9 + len] != '.')) continue;
        *id = x;
        *kind = (index_kind)k;
        *end = name + 9 + len;
        return true;
    }
    return false;
}

static bool is_temporary_suffix(const char *s)
{
    if (strncmp(s, ".tmp.", 5) != 0) return false;
    s += 5;
    size_t pid = strspn(s, "0123456789");
    if (pid == 0 || s[pid] != '.') return false;
    s += pid + 1;
    size_t serial = strspn(s, "0123456789");
    return serial > 0 && s[serial] == 0;
}

static bool is_named_by(const manifest *m, uint32_t id, index_kind kind)
{
    if (kind == INDEX_DEAD) return m->dead_id == id;
    for (size_t i = 0; i < m->n_segments; i++)
        if (m->segments[i].id == id) return manifest_wants(m, kind);
    return false;
}

static bool is_left_over(const char *name, const manifest *m)
{
    static const size_t manifest_len = sizeof INDEX_MANIFEST - 1;
    uint32_t id;
    index_kind kind;
    const char *end;
    if (strncmp(name, INDEX_MANIFEST, manifest_len) == 0) return is_temporary_suffix(name + manifest_len);
    if (!parse_numbered(name, &id, &kind, &end)) return false;
    return *end ? is_temporary_suffix(end) : !is_named_by(m, id, kind);
}

typedef struct sweep {
    const char *dir;
    const manifest *m;
} sweep;

static tri_status sweep_file(void *ctx, const char *name, tri_error *err)
{
    const sweep *s = ctx;
    char path[LIMIT_PATH];
    if (!is_left_over(name, s->m)) return TRI_OK;
    if (file_join(path, sizeof path, s->dir, name) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    return file_remove(path, err);
}

tri_status writer_lock_sweep(const char *dir, const manifest *m, tri_error *err)
{
    sweep s = {dir, m};
    return folder_each(dir, sweep_file, &s, err);
}

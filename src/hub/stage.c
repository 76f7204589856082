/* SPDX-License-Identifier: Apache-2.0 */
/* stage.c — a folder that appears whole or not at all.
 *
 * 1. Readers look at the target's name only, so a reader sees the old folder, the new one, or none, never a part.
 * 2. Every file was synced when it was written (base/file.h); the folders are synced before and after the rename.
 * 3. One pull at a time: flock on the working folder, which the system drops when the process dies, however it dies.
 * 4. Replacing a folder exchanges the two names in one step where the file system can (renameat2), else the old one is moved
 *    aside first; then there is a moment with neither, and a kill in it leaves a complete working folder for the next pull. */
#include "hub/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/file.h"

static tri_status split_target(const char *target, char parent[LIMIT_PATH], const char **base, tri_error *err)
{
    size_t len = strlen(target);
    const char *slash = strrchr(target, '/');
    *base = slash ? slash + 1 : target;
    if (len >= LIMIT_PATH || !(*base)[0] || strcmp(*base, ".") == 0 || strcmp(*base, "..") == 0)
        return err_set(err, TRI_ERR_ARGUMENT, "\"%s\" cannot name a model folder to make", target);
    size_t parent_len = slash ? (size_t)(slash - target) : 0;
    memcpy(parent, target, parent_len);
    parent[parent_len] = 0;
    if (!parent_len) snprintf(parent, LIMIT_PATH, "%s", slash ? "/" : ".");
    return TRI_OK;
}

/* Called for each file and, after what is in it, each folder below and including `top`. Non-zero errno stops the walk. */
typedef int (*visit_fn)(const char *path, bool is_dir, void *ctx);

static tri_status walk(const char *top, visit_fn visit, void *ctx, const char *action, tri_error *err)
{
    char *const tops[] = {(char *)(uintptr_t)top, NULL};
    int code = 0;
    FTS *tree = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree) return err_memory(err, sizeof *tree);
    for (FTSENT *e; !code && (e = fts_read(tree));) {
        if (e->fts_info == FTS_D) continue; /* it comes again as FTS_DP, when it has been read */
        bool failed = e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS;
        code = failed ? e->fts_errno : visit(e->fts_path, e->fts_info == FTS_DP, ctx);
        if (code == ENOENT) code = 0;
        if (code) err_set(err, TRI_ERR_IO, "could not %s %s: %s", action, e->fts_path, strerror(code));
    }
    fts_close(tree);
    return code ? TRI_ERR_IO : TRI_OK;
}

static int remove_entry(const char *path, bool is_dir, void *ctx)
{
    (void)ctx;
    return (is_dir ? rmdir(path) : unlink(path)) == 0 ? 0 : errno;
}

static tri_status remove_tree(const char *path, tri_error *err)
{
    return walk(path, remove_entry, NULL, "remove", err);
}

static void unlock(stage *s)
{
    if (s->lock >= 0) close(s->lock);
    s->lock = -1;
}

/* Does the folder that we hold still have the name s->dir? Its last user may have committed or removed it before we locked it.
 */
static bool is_still_named(const stage *s)
{
    struct stat held, named;
    return fstat(s->lock, &held) == 0 && stat(s->dir, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

/* Opens and locks the folder at s->dir; *locked false: it was not there any more. TRI_ERR_STATE: another process has it. */
static tri_status lock_dir(stage *s, bool *locked, tri_error *err)
{
    *locked = false;
    s->lock = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0 && errno == ENOENT) return TRI_OK;
    if (s->lock < 0) return err_set(err, TRI_ERR_IO, "could not open %s: %s", s->dir, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        int code = errno;
        unlock(s);
        if (code != EWOULDBLOCK) return err_set(err, TRI_ERR_IO, "could not lock %s: %s", s->dir, strerror(code));
        err_set(err, TRI_ERR_STATE, "another process is pulling into %s", s->target);
        return err_hint(err, TRI_ERR_STATE, "wait for it to end, then run the same command again");
    }
    *locked = is_still_named(s);
    if (!*locked) unlock(s);
    return TRI_OK;
}

tri_status stage_begin(stage *s, const char *target, bool resume, tri_error *err)
{
    char parent[LIMIT_PATH];
    const char *base = NULL;
    *s = (stage){.lock = -1};
    TRI_TRY(split_target(target, parent, &base, err));
    int n = snprintf(s->dir, sizeof s->dir, "%s/.%s.pull", parent, base);
    if (n < 0 || (size_t)n >= sizeof s->dir) return err_set(err, TRI_ERR_LIMIT, "path of %s is too long", target);
    snprintf(s->target, sizeof s->target, "%s", target); /* its length was checked by split_target */
    for (bool locked = false; !locked;) {
        TRI_TRY(file_make_dirs(s->dir, err));
        TRI_TRY(lock_dir(s, &locked, err));
    }
    tri_status st = resume ? TRI_OK : stage_prune(s, NULL, NULL, err);
    if (st) unlock(s);
    return st;
}

tri_status stage_path(const stage *s, const char *name, char out[LIMIT_PATH], tri_error *err)
{
    if (file_join(out, LIMIT_PATH, s->dir, name) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of \"%s\" in %s is too long", name, s->dir);
    char *slash = strrchr(out, '/');
    *slash = 0;
    tri_status st = file_is_dir(out) ? TRI_OK : file_make_dirs(out, err);
    *slash = '/';
    return st;
}

/* What prune keeps: the files that a caller knows, and the folder itself. */
typedef struct pruning {
    const char *dir;
    bool (*keep)(const void *ctx, const char *name);
    const void *ctx;
} pruning;

static int prune_entry(const char *path, bool is_dir, void *ctx)
{
    const pruning *p = ctx;
    size_t len = strlen(p->dir);
    if (strlen(path) <= len + 1) return 0;
    if (!is_dir) return p->keep && p->keep(p->ctx, path + len + 1) ? 0 : remove_entry(path, false, NULL);
    int code = remove_entry(path, true, NULL);
    return code == ENOTEMPTY || code == EEXIST ? 0 : code;
}

tri_status stage_prune(const stage *s, bool (*keep)(const void *ctx, const char *name), const void *ctx, tri_error *err)
{
    pruning p = {s->dir, keep, ctx};
    return walk(s->dir, prune_entry, &p, "tidy", err);
}

tri_status stage_remove(const stage *s, const char *name, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(stage_path(s, name, path, err));
    return remove_tree(path, err);
}

static int sync_entry(const char *path, bool is_dir, void *ctx)
{
    (void)ctx;
    return is_dir && file_sync_dir(path, NULL) != TRI_OK ? EIO : 0;
}

static tri_status replace_target(const stage *s, tri_error *err)
{
    if (!fault_hit(FAULT_WRITE) && renameat2(AT_FDCWD, s->dir, AT_FDCWD, s->target, RENAME_EXCHANGE) == 0)
        return remove_tree(s->dir, err); /* the old folder has the working folder's name now */
    char old[LIMIT_PATH + 8];
    snprintf(old, sizeof old, "%s.old", s->dir);
    TRI_TRY(remove_tree(old, err));
    TRI_TRY(file_rename(s->target, old, err));
    TRI_TRY(file_rename(s->dir, s->target, err));
    return remove_tree(old, err);
}

static tri_status commit(stage *s, tri_error *err)
{
    char parent[LIMIT_PATH];
    const char *base = NULL;
    TRI_TRY(split_target(s->target, parent, &base, err));
    TRI_TRY(walk(s->dir, sync_entry, NULL, "sync", err));
    TRI_TRY(file_is_dir(s->target) ? replace_target(s, err) : file_rename(s->dir, s->target, err));
    return file_sync_dir(parent, err);
}

tri_status stage_commit(stage *s, tri_error *err)
{
    tri_status st = commit(s, err);
    if (!st) unlock(s); /* the name s->dir is free: what appears there now is another's */
    return st;
}

void stage_end(stage *s, bool keep)
{
    if (s->lock < 0) return;
    if (keep)
        rmdir(s->dir); /* succeeds when there is nothing to keep */
    else
        remove_tree(s->dir, NULL);
    unlock(s);
}

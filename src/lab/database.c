/* SPDX-License-Identifier: Apache-2.0 */
/* database.c — opening with a write-ahead log, whose transactions survive a kill and can be read while another is written. */
#include "lab/database.h"

#include <stdio.h>

#include "base/err.h"

enum { BUSY_MS = 30000 };

tri_status database_say(const database *d, const char *doing, tri_error *err)
{
    int code = sqlite3_errcode(d->db);
    const char *why = d->db ? sqlite3_errmsg(d->db) : "out of memory";
    tri_status st = code == SQLITE_NOMEM                              ? TRI_ERR_MEMORY
                    : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? TRI_ERR_FORMAT
                                                                      : TRI_ERR_IO;
    err_set(err, st, "could not %s the %s %s: %s", doing, d->what, d->path, why);
    if (st == TRI_ERR_FORMAT) return err_hint(err, st, "%s, or remove this one", d->remedy);
    if (code == SQLITE_FULL) return err_hint(err, st, "free some space and run the same command again");
    return st == TRI_ERR_IO ? err_hint(err, st, "%s", d->remedy) : st;
}

tri_status database_run(database *d, const char *sql, tri_error *err)
{
    return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK ? TRI_OK : database_say(d, "use", err);
}

tri_status database_prepare(database *d, const char *sql, sqlite3_stmt **out, tri_error *err)
{
    return sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK ? TRI_OK
                                                                                                 : database_say(d, "use", err);
}

/* The change of journal does not wait for another process that makes it, busy timeout or not. */
static tri_status run_patiently(database *d, const char *sql, tri_error *err)
{
    int code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    for (int waited = 0; code == SQLITE_BUSY && waited < BUSY_MS; waited += 5) {
        sqlite3_sleep(5);
        code = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? TRI_OK : database_say(d, "open", err);
}

static tri_status read_number(database *d, const char *sql, sqlite3_int64 *out, tri_error *err)
{
    sqlite3_stmt *s;
    TRI_TRY(database_prepare(d, sql, &s, err));
    tri_status st = sqlite3_step(s) == SQLITE_ROW ? TRI_OK : database_say(d, "read", err);
    if (!st) *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return st;
}

/* Ours say nothing, which SQLite takes for version 0. */
static tri_status check_version(database *d, tri_error *err)
{
    sqlite3_int64 version;
    TRI_TRY(read_number(d, "PRAGMA user_version", &version, err));
    if (version == 0) return TRI_OK;
    err_set(err, TRI_ERR_UNSUPPORTED, "could not use the %s %s: a newer trident wrote it, in version %lld of its form", d->what,
            d->path, (long long)version);
    return err_hint(err, TRI_ERR_UNSUPPORTED, "%s", d->remedy);
}

/* Someone else's database is not written into. The id is set before the first table is made, and read after the count: so a
 * file that another process is making this moment is ours, too. */
static tri_status check_owner(database *d, int application_id, tri_error *err)
{
    sqlite3_int64 id, tables;
    TRI_TRY(read_number(d, "SELECT count(*) FROM sqlite_master", &tables, err));
    TRI_TRY(read_number(d, "PRAGMA application_id", &id, err));
    if (id == application_id || tables == 0) return TRI_OK;
    err_set(err, TRI_ERR_FORMAT, "could not use %s as a %s: it is another program's SQLite file, or of another kind", d->path,
            d->what);
    return err_hint(err, TRI_ERR_FORMAT, "%s", d->remedy);
}

tri_status database_open(database *d, const char *path, int application_id, tri_error *err)
{
    char sql[64];
    int n = snprintf(d->path, sizeof d->path, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof d->path) /* without a name SQLite makes a file that is gone at the end */
        return err_set(err, TRI_ERR_LIMIT, "could not open a %s: its path has %d bytes", d->what, n);
    if (sqlite3_open_v2(d->path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        return database_say(d, "open", err);
    sqlite3_busy_timeout(d->db, BUSY_MS);
    TRI_TRY(check_owner(d, application_id, err));
    TRI_TRY(check_version(d, err));
    TRI_TRY(run_patiently(d, "PRAGMA journal_mode = WAL", err));
    TRI_TRY(database_run(d, "PRAGMA synchronous = NORMAL", err));
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d", application_id);
    return database_run(d, sql, err);
}

void database_close(database *d)
{
    sqlite3_close(d->db);
    d->db = NULL;
}

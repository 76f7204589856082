/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c — the table behind the ledger. A row is one transaction: it is there whole, or not at all. */
#include "lab/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "lab/database.h"

enum { APPLICATION_ID = 0x5452494c /* "TRIL" */ };

#define COLUMNS "began, seconds, command, name, config_hash, data_hash, device, billed, rate, price, outcome, metrics, note"

tri_status ledger_find(const char *given, char *out, size_t cap, tri_error *err)
{
    const char *path = given ? given : getenv("TRIDENT_LEDGER");
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (path && path[0])
        n = snprintf(out, cap, "%s", path);
    else if (state && state[0] == '/')
        n = snprintf(out, cap, "%s/trident/ledger.db", state);
    else if (home && home[0])
        n = snprintf(out, cap, "%s/.local/state/trident/ledger.db", home);
    else {
        err_set(err, TRI_ERR_NOT_FOUND, "no place for the ledger: neither TRIDENT_LEDGER, XDG_STATE_HOME nor HOME is set");
        return err_hint(err, TRI_ERR_NOT_FOUND, "name its file with --ledger");
    }
    if (n < 0 || (size_t)n >= cap) return err_set(err, TRI_ERR_LIMIT, "the ledger's path is longer than %zu bytes", cap);
    return TRI_OK;
}

static tri_status make_folder(const char *path, tri_error *err)
{
    char folder[LIMIT_PATH];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) return TRI_OK;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return file_make_dirs(folder, err);
}

static tri_status open_ledger(const char *path, database *d, tri_error *err)
{
    d->what = "ledger";
    d->remedy = "name another file with --ledger";
    TRI_TRY(database_open(d, path, APPLICATION_ID, err));
    return database_run(d,
                        "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, began REAL NOT NULL, "
                        "seconds REAL NOT NULL, command TEXT, name TEXT, config_hash TEXT, data_hash TEXT, device TEXT, "
                        "billed REAL NOT NULL, rate REAL NOT NULL, price REAL NOT NULL, outcome TEXT, metrics TEXT, note TEXT)",
                        err);
}

static tri_status insert(database *d, const ledger_entry *e, tri_error *err)
{
    sqlite3_stmt *s;
    const double numbers[5] = {e->began, e->seconds, e->billed, e->rate, e->price};
    static const int number_at[5] = {1, 2, 8, 9, 10}, text_at[8] = {3, 4, 5, 6, 7, 11, 12, 13};
    const char *const texts[8] = {e->command, e->name,    e->config_hash, e->data_hash,
                                  e->device,  e->outcome, e->metrics,     e->note};
    TRI_TRY(database_prepare(
        d, "INSERT INTO entries (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)", &s, err));
    for (int i = 0; i < 5; i++) sqlite3_bind_double(s, number_at[i], numbers[i]);
    for (int i = 0; i < 8; i++) sqlite3_bind_text(s, text_at[i], texts[i], -1, SQLITE_STATIC);
    tri_status st = sqlite3_step(s) == SQLITE_DONE ? TRI_OK : database_say(d, "write", err);
    sqlite3_finalize(s);
    return st;
}

tri_status ledger_add(const char *given, const ledger_entry *entry, tri_error *err)
{
    char path[LIMIT_PATH];
    database d = {0};
    TRI_TRY(ledger_find(given, path, sizeof path, err));
    TRI_TRY(make_folder(path, err));
    tri_status st = open_ledger(path, &d, err);
    if (!st) st = insert(&d, entry, err);
    database_close(&d);
    return st;
}

static const char *text_of(sqlite3_stmt *s, int column)
{
    return (const char *)sqlite3_column_text(s, column);
}

static tri_status read_rows(database *d, ledger_fn each, void *ctx, tri_error *err)
{
    sqlite3_stmt *s;
    int code;
    tri_status st = TRI_OK;
    TRI_TRY(database_prepare(d, "SELECT id, " COLUMNS " FROM entries ORDER BY id", &s, err));
    while (!st && (code = sqlite3_step(s)) == SQLITE_ROW) {
        ledger_entry e = {.id = sqlite3_column_int64(s, 0),
                          .began = sqlite3_column_double(s, 1),
                          .seconds = sqlite3_column_double(s, 2),
                          .command = text_of(s, 3),
                          .name = text_of(s, 4),
                          .config_hash = text_of(s, 5),
                          .data_hash = text_of(s, 6),
                          .device = text_of(s, 7),
                          .billed = sqlite3_column_double(s, 8),
                          .rate = sqlite3_column_double(s, 9),
                          .price = sqlite3_column_double(s, 10),
                          .outcome = text_of(s, 11),
                          .metrics = text_of(s, 12),
                          .note = text_of(s, 13)};
        st = each(ctx, &e, err);
    }
    if (!st && code != SQLITE_DONE) st = database_say(d, "read", err);
    sqlite3_finalize(s);
    return st;
}

tri_status ledger_read(const char *given, ledger_fn each, void *ctx, tri_error *err)
{
    char path[LIMIT_PATH];
    database d = {0};
    TRI_TRY(ledger_find(given, path, sizeof path, err));
    if (!file_exists(path)) return TRI_OK;
    tri_status st = open_ledger(path, &d, err);
    if (!st) st = read_rows(&d, each, ctx, err);
    database_close(&d);
    return st;
}

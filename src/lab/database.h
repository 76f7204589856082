/* SPDX-License-Identifier: Apache-2.0 */
/* database.h — an SQLite file of ours: opened so that a kill loses nothing that was committed and other processes may share it;
 * another program's file is left alone. */
#ifndef TRI_LAB_DATABASE_H
#define TRI_LAB_DATABASE_H

#include <sqlite3.h>

#include "trident/status.h"

typedef struct database {
    sqlite3 *db;
    const char *what;   /* "score cache": for words; outlives this */
    const char *remedy; /* "give another --cache file" */
    char path[512];
} database;

/* Makes the file if it is not there. application_id tells our kinds of file apart. database_close on failure, too. */
tri_status database_open(database *d, const char *path, int application_id, tri_error *err);
void database_close(database *d);
tri_status database_run(database *d, const char *sql, tri_error *err);
tri_status database_prepare(database *d, const char *sql, sqlite3_stmt **out, tri_error *err);
/* What SQLite said last, as an error of ours: "could not DOING the WHAT PATH: why". */
tri_status database_say(const database *d, const char *doing, tri_error *err);

#endif

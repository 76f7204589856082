/* SPDX-License-Identifier: Apache-2.0 */
/* score_cache.c — the SQLite form, and the choice between the two.
 *
 *   terms   id, words        "model=0123456789abcdef precision=f32 max_length=512 query_max=384 cut=passage windows=cut"
 *   scores  terms, pair      pair: SHA-256 of the query's length (8 bytes, little-endian), the query, the passage
 *           logit, tokens, query_cut, passage_cut, bad_bytes
 * A put is one transaction (database.h). The activation is not part of the terms, since the logit is what is kept. */
#include "lab/score_cache.h"

#include <inttypes.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "lab/database.h"
#include "lab/seed_cache.h"

enum { PAIR_BYTES = 32, APPLICATION_ID = 0x54524943 /* "TRIC" */ };

struct score_cache {
    cache_terms terms;
    seed_cache *seed; /* a .json file; else: */
    database base;
    sqlite3_int64 terms_id;
    sqlite3_stmt *find, *put;
};

/* ---- opening -------------------------------------------------------------------------------------------------------- */

static tri_status make_tables(score_cache *c, tri_error *err)
{
    TRI_TRY(
        database_run(&c->base, "CREATE TABLE IF NOT EXISTS terms (id INTEGER PRIMARY KEY, words TEXT NOT NULL UNIQUE)", err));
    return database_run(
        &c->base,
        "CREATE TABLE IF NOT EXISTS scores (terms INTEGER NOT NULL, pair BLOB NOT NULL, logit REAL NOT NULL, "
        "tokens INTEGER NOT NULL, query_cut INTEGER NOT NULL, passage_cut INTEGER NOT NULL, bad_bytes INTEGER NOT NULL, "
        "PRIMARY KEY (terms, pair)) WITHOUT ROWID",
        err);
}

static tri_status find_terms(score_cache *c, tri_error *err)
{
    static const char *const cuts[] = {"model", "passage", "longest"}, *const windows[] = {"cut", "max", "mean"};
    const cache_terms *t = &c->terms;
    char words[256];
    sqlite3_stmt *s;
    int n = snprintf(words, sizeof words, "model=%016" PRIx64 " precision=%s max_length=%zu query_max=%zu cut=%s windows=%s%s",
                     t->model, t->precision, t->max_length, t->query_max, cuts[t->cut], windows[t->windows],
                     t->hf5_rules ? " rules=hf5" : "");
    TRI_TRY(database_prepare(&c->base, "INSERT OR IGNORE INTO terms (words) VALUES (?1)", &s, err));
    sqlite3_bind_text(s, 1, words, n, SQLITE_STATIC);
    tri_status st = sqlite3_step(s) == SQLITE_DONE ? TRI_OK : database_say(&c->base, "write", err);
    sqlite3_finalize(s);
    if (st) return st;
    TRI_TRY(database_prepare(&c->base, "SELECT id FROM terms WHERE words = ?1", &s, err));
    sqlite3_bind_text(s, 1, words, n, SQLITE_STATIC);
    st = sqlite3_step(s) == SQLITE_ROW ? TRI_OK : database_say(&c->base, "read", err);
    if (!st) c->terms_id = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return st;
}

static tri_status open_database(score_cache *c, const char *path, tri_error *err)
{
    c->base.what = "score cache";
    c->base.remedy = "give another --cache file";
    TRI_TRY(database_open(&c->base, path, APPLICATION_ID, err));
    TRI_TRY(make_tables(c, err));
    TRI_TRY(find_terms(c, err));
    TRI_TRY(database_prepare(
        &c->base, "SELECT logit, tokens, query_cut, passage_cut, bad_bytes FROM scores WHERE terms = ?1 AND pair = ?2",
        &c->find, err));
    return database_prepare(&c->base, "INSERT OR IGNORE INTO scores VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", &c->put, err);
}

static bool is_json(const char *path)
{
    size_t n = strlen(path);
    return n >= 5 && strcmp(path + n - 5, ".json") == 0;
}

static void drop(score_cache *c)
{
    sqlite3_finalize(c->find);
    sqlite3_finalize(c->put);
    database_close(&c->base);
    mem_free(c);
}

tri_status score_cache_open(const char *path, const cache_terms *terms, score_cache **out, tri_error *err)
{
    *out = NULL;
    score_cache *c = mem_calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c);
    c->terms = *terms;
    tri_status st = is_json(path) ? seed_cache_open(path, &c->seed, err) : open_database(c, path, err);
    if (st) {
        drop(c);
        return st;
    }
    *out = c;
    return TRI_OK;
}

/* ---- pairs ---------------------------------------------------------------------------------------------------------- */

static tri_status hash_pair(const tri_pair *p, unsigned char out[PAIR_BYTES], tri_error *err)
{
    unsigned char length[8];
    unsigned n = 0;
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)p->query.len >> 8 * i);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, length, sizeof length) == 1 &&
              EVP_DigestUpdate(ctx, p->query.bytes, p->query.len) == 1 &&
              EVP_DigestUpdate(ctx, p->passage.bytes, p->passage.len) == 1 && EVP_DigestFinal_ex(ctx, out, &n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? TRI_OK : err_set(err, TRI_ERR_STATE, "libcrypto could not hash a pair of texts");
}

static float sigmoid(float logit)
{
    return 1.0f / (1.0f + expf(-logit));
}

void score_cache_level(const score_cache *c, tri_pair_score *score)
{
    if (c->seed) score->logit = score->score;
}

static tri_status find_in_seed(score_cache *c, const tri_pair *pair, tri_pair_score *out, bool *found, tri_error *err)
{
    float score;
    TRI_TRY(seed_cache_find(c->seed, pair->query, pair->passage, &score, found, err));
    if (!*found) return TRI_OK;
    *out = (tri_pair_score){.score = score};
    score_cache_level(c, out);
    if (c->terms.sigmoid ? score >= 0 && score <= 1 : isfinite(score)) return TRI_OK;
    err_set(err, TRI_ERR_MISMATCH, "could not use a score cache: it holds the score %g, which is %s", (double)score,
            c->terms.sigmoid ? "not a sigmoid's" : "too large");
    return err_hint(err, TRI_ERR_MISMATCH, "it was made with another model or activation; give another --cache file");
}

tri_status score_cache_find(score_cache *c, const tri_pair *pair, tri_pair_score *out, bool *found, tri_error *err)
{
    unsigned char key[PAIR_BYTES];
    *found = false;
    if (pair->ids) return TRI_OK;
    if (c->seed) return find_in_seed(c, pair, out, found, err);
    TRI_TRY(hash_pair(pair, key, err));
    sqlite3_bind_int64(c->find, 1, c->terms_id);
    sqlite3_bind_blob(c->find, 2, key, sizeof key, SQLITE_STATIC);
    int code = sqlite3_step(c->find);
    if (code == SQLITE_ROW) {
        *found = true;
        *out = (tri_pair_score){.logit = (float)sqlite3_column_double(c->find, 0),
                                .tokens = (size_t)sqlite3_column_int64(c->find, 1),
                                .query_cut = (size_t)sqlite3_column_int64(c->find, 2),
                                .passage_cut = (size_t)sqlite3_column_int64(c->find, 3),
                                .bad_bytes = (size_t)sqlite3_column_int64(c->find, 4)};
        out->score = c->terms.sigmoid ? sigmoid(out->logit) : out->logit;
    }
    tri_status st = code == SQLITE_ROW || code == SQLITE_DONE ? TRI_OK : database_say(&c->base, "read", err);
    sqlite3_reset(c->find);
    return st;
}

static tri_status put_one(score_cache *c, const tri_pair *pair, const tri_pair_score *s, tri_error *err)
{
    unsigned char key[PAIR_BYTES];
    if (pair->ids) return TRI_OK;
    TRI_TRY(hash_pair(pair, key, err));
    sqlite3_bind_int64(c->put, 1, c->terms_id);
    sqlite3_bind_blob(c->put, 2, key, sizeof key, SQLITE_STATIC);
    sqlite3_bind_double(c->put, 3, (double)s->logit);
    sqlite3_bind_int64(c->put, 4, (sqlite3_int64)s->tokens);
    sqlite3_bind_int64(c->put, 5, (sqlite3_int64)s->query_cut);
    sqlite3_bind_int64(c->put, 6, (sqlite3_int64)s->passage_cut);
    sqlite3_bind_int64(c->put, 7, (sqlite3_int64)s->bad_bytes);
    tri_status st = sqlite3_step(c->put) == SQLITE_DONE ? TRI_OK : database_say(&c->base, "write", err);
    sqlite3_reset(c->put);
    return st;
}

static tri_status put_in_seed(score_cache *c, const tri_pair *pairs, const tri_pair_score *scores, const size_t *which,
                              size_t n, tri_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const tri_pair *p = &pairs[which[i]];
        if (!p->ids) TRI_TRY(seed_cache_put(c->seed, p->query, p->passage, scores[which[i]].score, err));
    }
    return seed_cache_save(c->seed, err);
}

tri_status score_cache_put(score_cache *c, const tri_pair *pairs, const tri_pair_score *scores, const size_t *which, size_t n,
                           tri_error *err)
{
    if (c->seed) return put_in_seed(c, pairs, scores, which, n, err);
    TRI_TRY(database_run(&c->base, "BEGIN IMMEDIATE", err));
    tri_status st = TRI_OK;
    for (size_t i = 0; !st && i < n; i++) st = put_one(c, &pairs[which[i]], &scores[which[i]], err);
    if (!st) return database_run(&c->base, "COMMIT", err);
    sqlite3_exec(c->base.db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

tri_status score_cache_close(score_cache *c, tri_error *err)
{
    if (!c) return TRI_OK;
    tri_status st = c->seed ? seed_cache_close(c->seed, err) : TRI_OK;
    drop(c);
    return st;
}

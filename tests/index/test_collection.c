/* SPDX-License-Identifier: Apache-2.0 */
/* test_collection.c — an index on disk: what is committed is what is read back; duplicates, deletes, resuming, one writer, what
 * a dead writer left, refused arguments, damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "index/collection.h"
#include "toy_index.h"

static tri_index_info info_of(const tri_index *x)
{
    tri_index_info info = {.struct_size = sizeof info};
    tri_index_info_get(x, &info);
    return info;
}

static void must(tri_status st, const tri_error *err)
{
    if (st != TRI_OK) fail_msg("%s: %s", tri_status_name(st), err->text);
}

static tri_index *reopen(const char *dir, int mode)
{
    tri_error err;
    tri_index *x = NULL;
    must(tri_index_open(dir, mode, &x, &err), &err);
    return x;
}

static void assert_text(tri_text found, tri_text expected)
{
    assert_int_equal(found.len, expected.len);
    assert_memory_equal(found.bytes, expected.bytes, expected.len);
}

static void assert_document(const tri_index *x, uint64_t ordinal, const tri_document *d)
{
    const segment *s = collection_segment_of(x, ordinal);
    uint32_t i = (uint32_t)(ordinal - s->first);
    size_t n;
    assert_text(segment_key(s, i), d->key);
    assert_text(segment_text(s, i), d->text);
    assert_memory_equal((const float *)(const void *)s->files[INDEX_DENSE].data + (size_t)i * TOY_DENSE, d->dense.values,
                        TOY_DENSE * sizeof(float));
    const index_pair *pairs = segment_forward(s, i, &n);
    assert_int_equal(n, d->sparse.count);
    for (size_t t = 0; t < n; t++) {
        assert_int_equal(pairs[t].id, d->sparse.ids[t]);
        assert_memory_equal(&pairs[t].weight, &d->sparse.weights[t], sizeof(float));
    }
    const uint64_t *rows = s->files[INDEX_MULTI].offsets + i;
    assert_int_equal(rows[1] - rows[0], d->multi.n_rows);
    if (d->multi.n_rows) {
        assert_memory_equal((const float *)(const void *)s->files[INDEX_MULTI].data + rows[0] * TOY_MULTI, d->multi.rows,
                            d->multi.n_rows * TOY_MULTI * sizeof(float));
        assert_memory_equal((const uint32_t *)(const void *)s->files[INDEX_TOKENS].data + rows[0], d->multi_ids,
                            d->multi.n_rows * 4);
    }
}

static void test_what_is_committed_is_read_back(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    toy_docs t = toy_docs_new(57, 1);
    uint64_t live = mem_live();
    toy_folder(dir);
    must(toy_build(dir, &t, 3, TRI_STORE_F32, &err), &err);
    tri_index *x = reopen(dir, TRI_INDEX_READ);
    tri_index_info info = info_of(x);
    assert_int_equal(info.n_live, 57);
    assert_int_equal(info.n_segments, 3);
    assert_int_equal(info.want, TRI_ALL);
    assert_string_equal(info.meta_json, "{}");
    size_t postings = 0, rows = 0;
    for (size_t i = 0; i < t.n; i++) {
        assert_document(x, i, &t.docs[i]);
        assert_true(tri_index_has(x, t.docs[i].key));
        postings += t.docs[i].sparse.count;
        rows += t.docs[i].multi.n_rows;
    }
    assert_int_equal(info.n_postings, postings);
    assert_int_equal(info.n_multi_rows, rows);
    assert_false(tri_index_has(x, toy_text("doc-57")));
    assert_false(tri_index_has(x, toy_text("doc-")));
    tri_index_close(x);
    must(tri_index_check(dir, NULL, NULL, &err), &err);
    assert_int_equal(mem_live(), live);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void test_postings_are_the_forward_vectors_turned_round(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    toy_docs t = toy_docs_new(80, 2);
    toy_folder(dir);
    must(toy_build(dir, &t, 1, TRI_STORE_F16, &err), &err);
    tri_index *x = reopen(dir, TRI_INDEX_READ);
    const segment *s = &x->segments[0];
    size_t total = 0;
    for (uint32_t id = 0; id < TOY_VOCAB * 4093; id++) {
        size_t n;
        const index_pair *list = segment_postings(s, id, &n);
        for (size_t i = 0; i < n; i++) {
            const tri_sparse_view *v = &t.docs[list[i].id].sparse;
            size_t at = 0;
            while (at < v->count && v->ids[at] != id) at++;
            assert_true(at < v->count);
            assert_true(v->weights[at] == list[i].weight);
            assert_true(i == 0 || list[i].id > list[i - 1].id);
        }
        total += n;
    }
    assert_int_equal(total, info_of(x).n_postings);
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void test_the_meta_record_is_kept_word_for_word(void **state)
{
    (void)state;
    static const char meta[] = "{ \"model\":\t\"caf\xc3\xa9 \\u0041\\\\\",\n  \"n\" : 1.50 }";
    char dir[256];
    tri_error err;
    tri_index *x;
    toy_folder(dir);
    tri_index_options o = toy_options(TRI_STORE_INT8);
    o.meta_json = meta;
    must(tri_index_create(dir, &o, &x, &err), &err);
    tri_index_close(x);
    x = reopen(dir, TRI_INDEX_READ);
    assert_string_equal(info_of(x).meta_json, meta);
    assert_int_equal(info_of(x).store_multi, TRI_STORE_INT8);
    assert_int_equal(info_of(x).n_live, 0);
    tri_index_close(x);
    o.meta_json = "{broken";
    assert_int_equal(tri_index_create(dir, &o, &x, &err), TRI_ERR_FORMAT);
    o.meta_json = NULL;
    assert_int_equal(tri_index_create(dir, &o, &x, &err), TRI_ERR_STATE);
    assert_non_null(strstr(err.text, dir));
    toy_remove(dir);
}

static void test_a_key_lives_once(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    tri_index *x;
    toy_docs t = toy_docs_new(10, 3);
    toy_folder(dir);
    tri_index_options o = toy_options(TRI_STORE_F32);
    must(tri_index_create(dir, &o, &x, &err), &err);
    must(tri_index_add(x, t.docs, 4, &err), &err);
    assert_int_equal(tri_index_add(x, t.docs + 3, 3, &err), TRI_ERR_ARGUMENT); /* doc-3 waits already */
    assert_non_null(strstr(err.text, "\"doc-3\""));
    tri_document twice[3] = {t.docs[5], t.docs[6], t.docs[5]};
    assert_int_equal(tri_index_add(x, twice, 3, &err), TRI_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "\"doc-5\""));
    assert_false(tri_index_has(x, t.docs[6].key)); /* a refused call changes nothing */
    must(tri_index_add(x, t.docs + 4, 3, &err), &err);
    must(tri_index_commit(x, &err), &err);
    assert_int_equal(tri_index_add(x, t.docs + 1, 1, &err), TRI_ERR_ARGUMENT); /* committed */
    assert_non_null(strstr(err.text, "\"doc-1\""));
    must(tri_index_add(x, t.docs + 7, 3, &err), &err);
    must(tri_index_commit(x, &err), &err);
    tri_index_close(x);
    x = reopen(dir, TRI_INDEX_READ);
    for (size_t i = 0; i < 10; i++) assert_document(x, i, &t.docs[i]);
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void test_deleted_keys_are_gone_and_may_come_back(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    size_t missing;
    toy_docs t = toy_docs_new(12, 4);
    toy_folder(dir);
    must(toy_build(dir, &t, 2, TRI_STORE_F32, &err), &err);
    tri_index *x = reopen(dir, TRI_INDEX_WRITE);
    tri_text gone[4] = {t.docs[2].key, toy_text("nobody"), t.docs[9].key, t.docs[2].key};
    must(tri_index_delete(x, gone, 4, &missing, &err), &err);
    assert_int_equal(missing, 2);
    assert_false(tri_index_has(x, t.docs[2].key));
    assert_int_equal(info_of(x).n_live, 12); /* not committed yet */
    must(tri_index_add(x, t.docs + 2, 1, &err), &err);
    must(tri_index_delete(x, gone, 1, &missing, &err), &err); /* one that only waits */
    assert_int_equal(missing, 0);
    must(tri_index_add(x, t.docs + 2, 1, &err), &err);
    must(tri_index_commit(x, &err), &err);
    assert_int_equal(info_of(x).n_live, 11);
    assert_int_equal(info_of(x).n_deleted, 3);
    must(tri_index_delete(x, gone + 1, 1, &missing, &err), &err);
    must(tri_index_commit(x, &err), &err); /* nothing to do */
    tri_index_close(x);
    must(tri_index_check(dir, NULL, NULL, &err), &err);
    x = reopen(dir, TRI_INDEX_WRITE);
    assert_true(tri_index_has(x, t.docs[2].key));
    assert_false(tri_index_has(x, t.docs[9].key));
    assert_document(x, 13, &t.docs[2]);
    must(tri_index_delete(x, &t.docs[2].key, 1, &missing, &err), &err);
    must(tri_index_commit(x, &err), &err);
    assert_int_equal(info_of(x).n_deleted, 4);
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void test_a_build_that_flushes_inside_a_call_is_the_same_index(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    tri_index *x;
    size_t missing;
    toy_docs t = toy_docs_new(50, 5);
    toy_folder(dir);
    tri_index_options o = toy_options(TRI_STORE_F32);
    must(tri_index_create(dir, &o, &x, &err), &err);
    x->flush_docs = 7;
    must(tri_index_add(x, t.docs, 20, &err), &err);
    for (size_t i = 0; i < 20; i++) assert_true(tri_index_has(x, t.docs[i].key));
    assert_int_equal(tri_index_add(x, t.docs + 1, 1, &err), TRI_ERR_ARGUMENT); /* in a flushed segment */
    must(tri_index_delete(x, &t.docs[3].key, 1, &missing, &err), &err);
    assert_int_equal(missing, 0);
    assert_int_equal(info_of(x).n_live, 0);
    must(tri_index_add(x, t.docs + 20, 30, &err), &err);
    must(tri_index_commit(x, &err), &err);
    tri_index_close(x);
    x = reopen(dir, TRI_INDEX_READ);
    assert_int_equal(info_of(x).n_segments, 8);
    assert_int_equal(info_of(x).n_live, 49);
    for (size_t i = 0; i < 50; i++) assert_document(x, i, &t.docs[i]);
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void test_one_writer_at_a_time_and_readers_keep_their_state(void **state)
{
    (void)state;
    char dir[256], pid[32];
    tri_error err;
    tri_index *second = NULL;
    size_t missing;
    toy_docs t = toy_docs_new(9, 6);
    toy_folder(dir);
    must(toy_build(dir, &t, 1, TRI_STORE_F32, &err), &err);
    tri_index *writer = reopen(dir, TRI_INDEX_WRITE), *reader = reopen(dir, TRI_INDEX_READ);
    assert_int_equal(tri_index_open(dir, TRI_INDEX_WRITE, &second, &err), TRI_ERR_STATE);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_null(second);
    must(tri_index_delete(writer, &t.docs[0].key, 1, &missing, &err), &err);
    must(tri_index_commit(writer, &err), &err);
    tri_index *later = reopen(dir, TRI_INDEX_READ);
    must(tri_index_delete(writer, &t.docs[1].key, 1, &missing, &err), &err);
    must(tri_index_commit(writer, &err), &err); /* takes the first .dead file away */
    assert_true(tri_index_has(reader, t.docs[0].key));
    assert_true(tri_index_has(later, t.docs[1].key));
    assert_false(tri_index_has(later, t.docs[0].key));
    assert_int_equal(tri_index_add(reader, t.docs, 1, &err), TRI_ERR_STATE);
    assert_int_equal(tri_index_commit(reader, &err), TRI_ERR_STATE);
    tri_index_close(later);
    tri_index_close(reader);
    tri_index_close(writer);
    writer = reopen(dir, TRI_INDEX_WRITE); /* the lock went with its holder */
    tri_index_close(writer);
    toy_remove(dir);
    toy_docs_free(&t);
}

static bool there(const char *dir, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return file_exists(path);
}

static void test_many_small_commits_become_few_segments(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    size_t missing;
    toy_docs t = toy_docs_new(100, 14);
    toy_folder(dir);
    for (int store = TRI_STORE_F32; store <= TRI_STORE_INT8; store++) {
        toy_docs first = {5, t.docs};
        must(toy_build(dir, &first, 5, store, &err), &err);
        tri_index *reader = reopen(dir, TRI_INDEX_READ), *x = reopen(dir, TRI_INDEX_WRITE);
        for (size_t i = 5; i < t.n; i++) {
            must(tri_index_add(x, &t.docs[i], 1, &err), &err);
            if (i == 7) must(tri_index_delete(x, &t.docs[2].key, 1, &missing, &err), &err);
            must(tri_index_commit(x, &err), &err);
            assert_true(info_of(x).n_segments <= 16);
        }
        assert_int_equal(info_of(x).n_live, 99);
        assert_false(there(dir, "00000001.keys"));
        assert_text(segment_text(collection_segment_of(reader, 4), 0), t.docs[4].text); /* mapped before its file went */
        tri_index_close(reader);
        must(tri_index_check(dir, NULL, NULL, &err), &err);
        reader = reopen(dir, TRI_INDEX_READ);
        for (size_t i = 0; i < t.n; i++) {
            if (store == TRI_STORE_F32) assert_document(reader, i, &t.docs[i]);
            assert_int_equal(tri_index_has(reader, t.docs[i].key), i != 2);
            assert_int_equal(tri_index_has(x, t.docs[i].key), i != 2);
        }
        assert_int_equal(tri_index_add(x, &t.docs[50], 1, &err), TRI_ERR_ARGUMENT);
        tri_index_close(reader);
        tri_index_close(x);
        toy_remove(dir);
    }
    toy_docs_free(&t);
}

static void flip(const char *path, long at);

static void test_a_merge_refuses_damaged_bytes(void **state)
{
    (void)state;
    char dir[256], path[600];
    tri_error err;
    tri_index *x;
    toy_docs t = toy_docs_new(16, 15), first = {15, t.docs};
    toy_folder(dir);
    must(toy_build(dir, &first, 15, TRI_STORE_F16, &err), &err);
    snprintf(path, sizeof path, "%s/00000003.dense", dir);
    flip(path, 5);
    must(tri_index_open(dir, TRI_INDEX_WRITE, &x, &err), &err);
    must(tri_index_add(x, &t.docs[15], 1, &err), &err);
    assert_int_equal(tri_index_commit(x, &err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "00000003.dense"));
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void touch(const char *dir, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void test_what_a_dead_writer_left_is_swept_and_nothing_else(void **state)
{
    (void)state;
    static const char *const left[] = {"00000002.keys", "00000009.dead", "00000001.texts.tmp.12.3", "manifest.json.tmp.77.0",
                                       "00000001.dead"};
    static const char *const others[] = {"notes.txt",           "00000002.keysx",      "0000002.keys",
                                         "manifest.json.tmp.x", "00000002.keys.tmp.1", "manifest.json.bak"};
    char dir[256];
    tri_error err;
    toy_docs t = toy_docs_new(3, 7);
    toy_folder(dir);
    must(toy_build(dir, &t, 1, TRI_STORE_F32, &err), &err);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) touch(dir, left[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) touch(dir, others[i]);
    tri_index_close(reopen(dir, TRI_INDEX_READ));
    assert_true(there(dir, left[0])); /* a reader removes nothing */
    tri_index_close(reopen(dir, TRI_INDEX_WRITE));
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) assert_false(there(dir, left[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_true(there(dir, others[i]));
    must(tri_index_check(dir, NULL, NULL, &err), &err);
    toy_remove(dir);
    toy_docs_free(&t);
}

static void test_closing_without_a_commit_leaves_no_trace(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    toy_docs t = toy_docs_new(30, 8);
    toy_folder(dir);
    must(toy_build(dir, &t, 1, TRI_STORE_F32, &err), &err);
    toy_docs more = toy_docs_new(60, 9);
    tri_index *x = reopen(dir, TRI_INDEX_WRITE);
    x->flush_docs = 10;
    must(tri_index_add(x, more.docs + 30, 25, &err), &err);
    assert_true(there(dir, "00000002.keys"));
    tri_index_close(x);
    assert_false(there(dir, "00000002.keys"));
    assert_false(there(dir, "00000002.multi"));
    x = reopen(dir, TRI_INDEX_READ);
    assert_int_equal(info_of(x).n_live, 30);
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
    toy_docs_free(&more);
}

static void test_bad_documents_are_refused_by_name(void **state)
{
    (void)state;
    char dir[256];
    tri_error err;
    tri_index *x;
    toy_docs t = toy_docs_new(4, 10);
    tri_document d = t.docs[1];
    uint32_t ids[2] = {5, 5}, large[1] = {4000000000u};
    float weights[2] = {0.1f, 0.2f}, bad[TOY_DENSE] = {0}, zero[1] = {0}, huge[TOY_MULTI] = {70000};
    toy_folder(dir);
    tri_index_options o = toy_options(TRI_STORE_F16);
    must(tri_index_create(dir, &o, &x, &err), &err);
    d.sparse = (tri_sparse_view){ids, weights, 2};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "doc-1"));
    d.sparse = (tri_sparse_view){ids, zero, 1};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_NUMERIC);
    d.sparse = (tri_sparse_view){large, weights, 1};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_LIMIT);
    d = t.docs[1];
    d.dense.dim--;
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_MISMATCH);
    bad[3] = (float)strtod("nan", NULL);
    d.dense = (tri_dense_view){bad, TOY_DENSE};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_NUMERIC);
    d = t.docs[1];
    d.multi = (tri_multi_view){huge, 1, TOY_MULTI};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_NUMERIC);
    d = t.docs[1];
    d.key = (tri_text){"a\0b", 3};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_ARGUMENT);
    d.key = (tri_text){"\xff", 1};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_ARGUMENT);
    d.key = (tri_text){NULL, 0};
    assert_int_equal(tri_index_add(x, &d, 1, &err), TRI_ERR_ARGUMENT);
    must(tri_index_add(x, &t.docs[1], 1, &err), &err); /* the handle is as good as before */
    must(tri_index_commit(x, &err), &err);
    tri_index_close(x);
    toy_remove(dir);
    toy_docs_free(&t);
}

/* ---- damage ----------------------------------------------------------------------------------------------------- */

typedef struct bad_files {
    size_t n;
    char last[64], why[256];
} bad_files;

static void note_bad(void *ctx, const char *file, const char *why)
{
    bad_files *b = ctx;
    b->n++;
    snprintf(b->last, sizeof b->last, "%s", file);
    snprintf(b->why, sizeof b->why, "%s", why);
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x10, f);
    fclose(f);
}

static void test_check_names_each_damaged_file(void **state)
{
    (void)state;
    static const char *const names[] = {"00000001.keys",    "00000001.texts",    "00000001.dense",
                                        "00000001.forward", "00000001.postings", "00000001.multi",
                                        "00000001.tokens",  "00000001.scales",   "00000002.dead"};
    char dir[256], path[600];
    tri_error err;
    size_t missing;
    toy_docs t = toy_docs_new(40, 11);
    toy_folder(dir);
    must(toy_build(dir, &t, 1, TRI_STORE_INT8, &err), &err);
    tri_index *x = reopen(dir, TRI_INDEX_WRITE);
    must(tri_index_delete(x, &t.docs[5].key, 1, &missing, &err), &err);
    must(tri_index_commit(x, &err), &err);
    tri_index_close(x);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bad_files bad = {0};
        uint64_t bytes;
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        must(file_size(path, &bytes, &err), &err);
        long at = (long)(bytes * (i + 1) / 11);
        flip(path, at);
        assert_int_equal(tri_index_check(dir, note_bad, &bad, &err), TRI_ERR_FORMAT);
        assert_int_equal(bad.n, 1);
        assert_string_equal(bad.last, names[i]);
        assert_non_null(strstr(err.text, names[i]));
        flip(path, at);
        assert_int_equal(truncate(path, (off_t)(bytes - 1)), 0);
        memset(&bad, 0, sizeof bad);
        assert_int_equal(tri_index_check(dir, note_bad, &bad, &err), TRI_ERR_FORMAT);
        assert_string_equal(bad.last, names[i]);
        tri_index *broken = NULL;
        assert_int_equal(tri_index_open(dir, TRI_INDEX_READ, &broken, &err), TRI_ERR_FORMAT);
        assert_null(broken);
        assert_int_equal(unlink(path), 0);
        memset(&bad, 0, sizeof bad);
        assert_int_equal(tri_index_check(dir, note_bad, &bad, &err), TRI_ERR_FORMAT);
        assert_non_null(strstr(bad.why, "missing"));
        assert_int_equal(tri_index_open(dir, TRI_INDEX_READ, &broken, &err), TRI_ERR_NOT_FOUND);
        toy_remove(dir);
        must(toy_build(dir, &t, 1, TRI_STORE_INT8, &err), &err);
        x = reopen(dir, TRI_INDEX_WRITE);
        must(tri_index_delete(x, &t.docs[5].key, 1, &missing, &err), &err);
        must(tri_index_commit(x, &err), &err);
        tri_index_close(x);
    }
    bad_files bad = {0};
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    flip(path, 200);
    assert_int_equal(tri_index_check(dir, note_bad, &bad, &err), TRI_ERR_FORMAT);
    assert_string_equal(bad.last, "manifest.json");
    toy_remove(dir);
    toy_docs_free(&t);
}

/* Any single damaged byte or cut of any file: opening refuses or succeeds, and what is opened can be walked and searched. */
static void test_a_damaged_index_never_reads_outside_its_files(void **state)
{
    (void)state;
    char dir[256], path[600];
    tri_error err;
    toy_docs t = toy_docs_new(6, 12);
    toy_folder(dir);
    must(toy_build(dir, &t, 1, TRI_STORE_INT8, &err), &err);
    tri_query q = toy_query(&t, 0);
    for (int kind = 1; kind < INDEX_DEAD; kind++) {
        char name[32];
        uint64_t bytes;
        segment_file_name(name, 1, (index_kind)kind);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        must(file_size(path, &bytes, &err), &err);
        for (uint64_t at = 0; at<bytes; at += bytes> 600 ? 7 : 1) {
            tri_index *x = NULL;
            flip(path, (long)at);
            if (tri_index_open(dir, TRI_INDEX_READ, &x, &err) == TRI_OK) {
                tri_search_options o;
                tri_search_options_init(&o);
                o.threads = 1;
                tri_hits *hits = NULL;
                tri_match matches[8];
                size_t n;
                for (size_t i = 0; i < t.n; i++) tri_index_has(x, t.docs[i].key);
                if (at % 16 == 0) {
                    if (tri_search(x, &o, &q, 1, &hits, &err) == TRI_OK) tri_hits_free(hits);
                    tri_explain(x, &q, 2, matches, 8, &n, &err);
                }
                tri_index_close(x);
            }
            flip(path, (long)at);
        }
    }
    toy_remove(dir);
    toy_docs_free(&t);
}

/* tests/golden/index-1: toy documents 0..7 of seed 99, two commits, int8 rows, doc-3 deleted. Made once; format 1 is read
 * forever. */
static void test_an_index_of_format_1_is_read(void **state)
{
    (void)state;
    static const char dir[] = TEST_ROOT "/tests/golden/index-1";
    tri_error err;
    toy_docs t = toy_docs_new(8, 99);
    must(tri_index_check(dir, NULL, NULL, &err), &err);
    tri_index *x = reopen(dir, TRI_INDEX_READ);
    tri_index_info info = info_of(x);
    assert_int_equal(info.n_live, 7);
    assert_int_equal(info.n_segments, 2);
    assert_string_equal(info.meta_json, "{}");
    for (uint32_t i = 0; i < t.n; i++) {
        const segment *s = collection_segment_of(x, i);
        size_t n;
        assert_text(segment_key(s, i - (uint32_t)s->first), t.docs[i].key);
        assert_text(segment_text(s, i - (uint32_t)s->first), t.docs[i].text);
        const index_pair *pairs = segment_forward(s, i - (uint32_t)s->first, &n);
        assert_int_equal(n, t.docs[i].sparse.count);
        for (size_t k = 0; k < n; k++) assert_true(pairs[k].weight == t.docs[i].sparse.weights[k]);
        assert_int_equal(tri_index_has(x, t.docs[i].key), i != 3);
    }
    tri_index_close(x);
    toy_docs_free(&t);
}

static void test_what_is_no_index_is_said_to_be_none(void **state)
{
    (void)state;
    char dir[256], path[600];
    tri_error err;
    tri_index *x = NULL;
    toy_folder(dir);
    assert_int_equal(tri_index_open(dir, TRI_INDEX_READ, &x, &err), TRI_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, dir));
    snprintf(path, sizeof path, "%s/nowhere", dir);
    assert_int_equal(tri_index_open(path, TRI_INDEX_WRITE, &x, &err), TRI_ERR_NOT_FOUND);
    assert_int_equal(tri_index_check(path, NULL, NULL, &err), TRI_ERR_NOT_FOUND);
    touch(dir, "file");
    snprintf(path, sizeof path, "%s/file", dir);
    tri_index_options o = toy_options(TRI_STORE_F32);
    assert_int_not_equal(tri_index_create(path, &o, &x, &err), TRI_OK);
    assert_int_equal(tri_index_open("", TRI_INDEX_READ, &x, &err), TRI_ERR_ARGUMENT);
    assert_null(x);
    tri_index_close(NULL);
    toy_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_committed_is_read_back),
        cmocka_unit_test(test_postings_are_the_forward_vectors_turned_round),
        cmocka_unit_test(test_the_meta_record_is_kept_word_for_word),
        cmocka_unit_test(test_a_key_lives_once),
        cmocka_unit_test(test_deleted_keys_are_gone_and_may_come_back),
        cmocka_unit_test(test_a_build_that_flushes_inside_a_call_is_the_same_index),
        cmocka_unit_test(test_many_small_commits_become_few_segments),
        cmocka_unit_test(test_a_merge_refuses_damaged_bytes),
        cmocka_unit_test(test_one_writer_at_a_time_and_readers_keep_their_state),
        cmocka_unit_test(test_what_a_dead_writer_left_is_swept_and_nothing_else),
        cmocka_unit_test(test_closing_without_a_commit_leaves_no_trace),
        cmocka_unit_test(test_bad_documents_are_refused_by_name),
        cmocka_unit_test(test_check_names_each_damaged_file),
        cmocka_unit_test(test_a_damaged_index_never_reads_outside_its_files),
        cmocka_unit_test(test_an_index_of_format_1_is_read),
        cmocka_unit_test(test_what_is_no_index_is_said_to_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

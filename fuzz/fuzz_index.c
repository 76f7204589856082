/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_index.c — a damaged index is refused or gives wrong answers; it never makes a reader leave its files.
 *
 * The first byte of an input says what the rest is: 0 (or more than there are kinds) a manifest, which is parsed, printed and
 * parsed again; 1..9 the content of that kind of file (format.h). Such a file replaces the one of a small index, the manifest
 * is made to agree with its length, and the index is opened, walked, asked and checked. The index lies in a folder of its own,
 * made at the first input and removed at exit. Its checksums are left as they were: only a checkup looks at them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
#include "index/collection.h"
#include "trident/search.h"

enum { DIM = 2, DOCS = 4 };

static char dir[64];
static manifest base; /* as built */

static tri_status remove_one(void *ctx, const char *name, tri_error *err)
{
    char path[512];
    (void)ctx;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return file_remove(path, err);
}

static void remove_all(void)
{
    manifest_drop(&base);
    folder_each(dir, remove_one, NULL, NULL);
    rmdir(dir);
}

static void build(void)
{
    static const float rows[] = {1, 0, 0.6f, 0.8f, 0, 1};
    static const uint32_t ids[] = {3, 7, 250001};
    static const float weights[] = {0.25f, 0.5f, 0.1f};
    static const char *const keys[DOCS] = {"b", "a", "cc", "c"};
    tri_index *x = NULL;
    tri_index_options o;
    size_t missing;
    snprintf(dir, sizeof dir, "/dev/shm/fuzz-index-XXXXXX");
    if (!mkdtemp(dir)) snprintf(dir, sizeof dir, "/tmp/fuzz-index-XXXXXX");
    if (dir[1] == 't' && !mkdtemp(dir)) abort();
    tri_index_options_init(&o);
    o.want = TRI_ALL;
    o.dense_dim = o.multi_dim = DIM;
    o.store_multi = TRI_STORE_INT8;
    if (tri_index_create(dir, &o, &x, NULL) != TRI_OK) abort();
    for (uint32_t i = 0; i < DOCS; i++) {
        tri_document d = {.key = {keys[i], strlen(keys[i])},
                          .text = {"text", i},
                          .dense = {rows + i, DIM},
                          .sparse = {ids, weights, i < 3 ? i : 3},
                          .multi = {rows, i < 3 ? i : 3, DIM},
                          .multi_ids = ids};
        if (tri_index_add(x, &d, 1, NULL) != TRI_OK) abort();
    }
    tri_text gone = {keys[2], 2};
    if (tri_index_delete(x, &gone, 1, &missing, NULL) != TRI_OK || tri_index_commit(x, NULL) != TRI_OK) abort();
    tri_index_close(x);
    if (manifest_load(dir, &base, NULL) != TRI_OK) abort();
    atexit(remove_all);
}

static void fuzz_manifest(const uint8_t *data, size_t size)
{
    manifest m, again;
    buf text;
    if (manifest_parse(data, size, "manifest", false, &m, NULL) != TRI_OK) return;
    buf_init(&text, 0);
    if (manifest_print(&m, &text, NULL) != TRI_OK ||
        manifest_parse(text.data, text.len, "printed", true, &again, NULL) != TRI_OK)
        abort();
    if (again.docs != m.docs || again.n_segments != m.n_segments || strcmp(again.meta, m.meta) != 0) abort();
    manifest_drop(&again);
    manifest_drop(&m);
    buf_drop(&text);
}

static void put_file(index_kind kind, const uint8_t *data, size_t size)
{
    char name[32], path[512];
    segment_file_name(name, kind == INDEX_DEAD ? base.dead_id : base.segments[0].id, kind);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0) abort();
}

static void ask(const tri_index *x)
{
    static const float rows[] = {0.8f, 0.6f, 0, 1};
    static const uint32_t ids[] = {3, 250001};
    static const float weights[] = {1, 2};
    tri_query q = {{rows, DIM}, {ids, weights, 2}, {rows, 2, DIM}};
    tri_search_options o;
    tri_hits *hits = NULL;
    tri_match matches[4];
    size_t n;
    tri_search_options_init(&o);
    o.threads = 1;
    for (int way = 0; way < 3; way++) {
        o.rescore_multi = way == 1;
        o.fuse = way == 2 ? TRI_FUSE_RRF : TRI_FUSE_WEIGHTED;
        if (tri_search(x, &o, &q, 1, &hits, NULL) == TRI_OK) tri_hits_free(hits);
    }
    for (uint64_t i = 0; i < DOCS; i++) tri_explain(x, &q, i, matches, 4, &n, NULL);
}

static void walk(const tri_index *x)
{
    static const char *const keys[] = {"", "a", "b", "c", "cc", "zzz"};
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        tri_text key = {keys[i], strlen(keys[i])};
        tri_index_has(x, key);
    }
    for (uint32_t doc = 0; doc < DOCS; doc++) {
        const segment *s = collection_segment_of(x, doc);
        tri_text t[2] = {segment_key(s, doc), segment_text(s, doc)};
        for (int k = 0; k < 2; k++)
            for (size_t i = 0; i < t[k].len; i++) sum ^= (uint8_t)t[k].bytes[i];
    }
    (void)sum;
}

static void fuzz_file(index_kind kind, const uint8_t *data, size_t size)
{
    char saved[4096];
    char name[32], path[512];
    tri_index *x = NULL;
    manifest m;
    segment_file_name(name, kind == INDEX_DEAD ? base.dead_id : base.segments[0].id, kind);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(saved, 1, sizeof saved, f) : 0;
    if (!f || n == sizeof saved) abort();
    fclose(f);
    if (manifest_copy(&m, &base, NULL) != TRI_OK) abort();
    file_record *record = kind == INDEX_DEAD ? &m.dead : &m.segments[0].files[kind];
    record->bytes = size < INDEX_ALIGN ? INDEX_ALIGN : size;
    put_file(kind, data, size);
    if (manifest_save(dir, &m, NULL) != TRI_OK) abort();
    manifest_drop(&m);
    if (tri_index_open(dir, TRI_INDEX_READ, &x, NULL) == TRI_OK) {
        walk(x);
        ask(x);
        tri_index_close(x);
    }
    tri_index_check(dir, NULL, NULL, NULL);
    put_file(kind, (const uint8_t *)saved, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!dir[0]) build();
    if (size == 0 || size > 1 << 16) return 0;
    if (data[0] == 0 || data[0] >= INDEX_KINDS)
        fuzz_manifest(data + 1, size - 1);
    else
        fuzz_file((index_kind)data[0], data + 1, size - 1);
    return 0;
}

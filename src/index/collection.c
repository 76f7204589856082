/* SPDX-License-Identifier: Apache-2.0 */
/* collection.c — what is in an index, and how does a change become part of it?
 *
 *   add ----> writer --flush--> segment files on disk, mapped, not named by any manifest --commit--> manifest
 *   delete -> dead_next -------------------------------------------------------------------commit--> .dead file, manifest
 *
 * Commit, in order: finish the pending segment (each file synced, then named); merge small segments; write the .dead file if it
 * changed; sync the folder; write the new manifest beside the old one, sync, rename. Up to the rename every reader and every
 * restart sees the old state, after it the new one; there is no state in between. Files of a commit that did not happen are
 * swept by the next writer.
 *
 * Invariants.
 *  1. Numbered files never change, and none is removed while the manifest on disk names it.
 *  2. A key lives at most once: in `pending`, or in one segment at an ordinal that is not dead.
 *  3. A call refused for its arguments changes nothing. A call that fails while writing leaves the handle failed: what was
 *     committed is safe, what was not is lost, and every later write returns the first cause until the index is opened anew.
 *  4. Memory does not grow with the corpus but for one bit a document once something is deleted. A pending document takes about
 *     100 bytes and two copies of its key; a segment is finished at flush_docs documents or flush_postings postings,
 *     whichever comes first, even inside one call.
 *
 * A commit adds a segment and now and then makes one of many small ones (merge.c). Results do not depend on how documents lie
 * in segments. */
#include "index/collection.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/limits.h"
#include "formats/json.h"
#include "index/merge.h"

/* A million documents: 40 MB of tables. 32 Mi postings: 256 MiB while they are turned round. */
static const uint64_t default_flush_docs = 1u << 20, default_flush_postings = 1u << 25;
/* A reader that loses the race with so many commits in a row gives up. */
enum { OPEN_ATTEMPTS = 8, SHOWN_KEY = 64 };

/* ---- segments --------------------------------------------------------------------------------------------------- */

static tri_status append_segment(tri_index *x, const manifest_segment *record, uint64_t first, tri_error *err)
{
    if (x->n_segments == x->cap_segments) {
        size_t cap = x->cap_segments ? x->cap_segments * 2 : 4, bytes;
        segment *more = mul_size(cap, sizeof *more, &bytes) ? mem_realloc(x->segments, bytes) : NULL;
        if (!more) return err_memory(err, cap * sizeof *more);
        x->segments = more;
        x->cap_segments = cap;
    }
    TRI_TRY(segment_open(x->dir, &x->m, record, first, &x->segments[x->n_segments], err));
    x->n_segments++;
    return TRI_OK;
}

static void drop_state(tri_index *x)
{
    for (size_t i = 0; i < x->n_segments; i++) segment_close(&x->segments[i]);
    x->n_segments = x->n_committed = 0;
    ordinal_set_drop(&x->dead);
    manifest_drop(&x->m);
}

static tri_status dead_path(const tri_index *x, uint32_t id, char out[LIMIT_PATH], tri_error *err)
{
    char name[32];
    segment_file_name(name, id, INDEX_DEAD);
    if (file_join(out, LIMIT_PATH, x->dir, name) == TRI_OK) return TRI_OK;
    return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
}

static tri_status load_dead(tri_index *x, tri_error *err)
{
    char path[LIMIT_PATH];
    if (x->m.dead_id == 0) return TRI_OK;
    TRI_TRY(dead_path(x, x->m.dead_id, path, err));
    return ordinal_set_load(&x->dead, path, x->m.docs, x->m.deleted, err);
}

static tri_status load_state(tri_index *x, tri_error *err)
{
    uint64_t first = 0;
    TRI_TRY(manifest_load(x->dir, &x->m, err));
    for (size_t i = 0; i < x->m.n_segments; i++) {
        TRI_TRY(append_segment(x, &x->m.segments[i], first, err));
        first += x->m.segments[i].docs;
    }
    TRI_TRY(load_dead(x, err));
    x->n_committed = x->n_segments;
    x->n_docs = x->m.docs;
    return TRI_OK;
}

/* A commit between reading the manifest and the files may take some of these away: then there is a newer manifest. */
static tri_status load_state_again(tri_index *x, tri_error *err)
{
    tri_status st = TRI_OK;
    for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
        st = load_state(x, err);
        if (st == TRI_OK || x->writes || !x->m.meta) return st;
        uint64_t generation = x->m.generation;
        manifest now;
        drop_state(x);
        if (manifest_load(x->dir, &now, NULL) != TRI_OK) return st;
        bool same = now.generation == generation;
        manifest_drop(&now);
        if (same) return st;
    }
    return st;
}

/* ---- open and close --------------------------------------------------------------------------------------------- */

static tri_status new_handle(const char *dir, bool writes, tri_index **out, tri_error *err)
{
    tri_index *x = mem_calloc(1, sizeof *x);
    if (!x) return err_memory(err, sizeof *x);
    x->dir = mem_strdup(dir);
    x->writes = writes;
    x->lock.fd = -1;
    x->flush_docs = default_flush_docs;
    x->flush_postings = default_flush_postings;
    strmap_init(&x->pending);
    pthread_mutex_init(&x->parking, NULL);
    if (!x->dir) {
        collection_close(x);
        return err_memory(err, strlen(dir) + 1);
    }
    *out = x;
    return TRI_OK;
}

static tri_status open_state(tri_index *x, tri_error *err)
{
    if (x->writes) TRI_TRY(writer_lock_take(x->dir, &x->lock, err));
    TRI_TRY(load_state_again(x, err));
    if (!x->writes) return TRI_OK;
    TRI_TRY(writer_lock_sweep(x->dir, &x->m, err));
    return ordinal_set_copy(&x->dead_next, &x->dead, err);
}

tri_status collection_open(const char *dir, bool writes, tri_index **out, tri_error *err)
{
    tri_index *x;
    if (!file_is_dir(dir)) return err_set(err, TRI_ERR_NOT_FOUND, "no index in %s: there is no such folder", dir);
    TRI_TRY(new_handle(dir, writes, &x, err));
    tri_status st = open_state(x, err);
    if (st != TRI_OK) {
        collection_close(x);
        return st;
    }
    *out = x;
    return TRI_OK;
}

static tri_status check_options(const tri_index_options *o, tri_error *err)
{
    if (o->want == 0 || (o->want & ~(unsigned)TRI_ALL))
        return err_set(err, TRI_ERR_ARGUMENT, "could not create index: want is %u", o->want);
    if ((o->want & TRI_DENSE) && (o->dense_dim == 0 || o->dense_dim > LIMIT_WIDTH))
        return err_set(err, TRI_ERR_ARGUMENT, "could not create index: dense_dim is %zu", o->dense_dim);
    if ((o->want & TRI_MULTI) && (o->multi_dim == 0 || o->multi_dim > LIMIT_WIDTH))
        return err_set(err, TRI_ERR_ARGUMENT, "could not create index: multi_dim is %zu", o->multi_dim);
    if (o->store_dense != TRI_STORE_F32 && o->store_dense != TRI_STORE_F16)
        return err_set(err, TRI_ERR_ARGUMENT, "could not create index: dense vectors cannot be stored as type %d",
                       o->store_dense);
    if (o->store_multi < TRI_STORE_F32 || o->store_multi > TRI_STORE_INT8)
        return err_set(err, TRI_ERR_ARGUMENT, "could not create index: multi rows cannot be stored as type %d", o->store_multi);
    if (o->meta_json) {
        json_t *meta = NULL;
        TRI_TRY(json_text_load(o->meta_json, strlen(o->meta_json), "meta_json", &meta, err));
        json_decref(meta);
    }
    return TRI_OK;
}

/* The empty index is committed at once, so that a build killed before its first commit resumes under the same options. */
static tri_status create_state(tri_index *x, const tri_index_options *o, tri_error *err)
{
    char path[LIMIT_PATH];
    TRI_TRY(writer_lock_take(x->dir, &x->lock, err));
    if (file_join(path, sizeof path, x->dir, INDEX_MANIFEST) != TRI_OK)
        return err_set(err, TRI_ERR_LIMIT, "path of the index is too long");
    if (file_exists(path)) {
        err_set(err, TRI_ERR_STATE, "could not create index: %s already holds one", x->dir);
        return err_hint(err, TRI_ERR_STATE, "add to it, or name another folder");
    }
    x->m.next_id = 1;
    x->m.want = o->want;
    x->m.dense_dim = o->want & TRI_DENSE ? o->dense_dim : 0;
    x->m.multi_dim = o->want & TRI_MULTI ? o->multi_dim : 0;
    x->m.store_dense = o->store_dense;
    x->m.store_multi = o->store_multi;
    x->m.meta = mem_strdup(o->meta_json ? o->meta_json : "{}");
    if (!x->m.meta) return err_memory(err, strlen(o->meta_json ? o->meta_json : "{}") + 1);
    TRI_TRY(writer_lock_sweep(x->dir, &x->m, err));
    return manifest_save(x->dir, &x->m, err);
}

tri_status collection_create(const char *dir, const tri_index_options *options, tri_index **out, tri_error *err)
{
    tri_index *x;
    TRI_TRY(check_options(options, err));
    TRI_TRY(file_make_dirs(dir, err));
    TRI_TRY(new_handle(dir, true, &x, err));
    tri_status st = create_state(x, options, err);
    if (st != TRI_OK) {
        collection_close(x);
        return st;
    }
    *out = x;
    return TRI_OK;
}

/* Whatever the disk's manifest does not name goes: after a failed commit only the disk knows which state is in force. */
static void sweep_uncommitted(tri_index *x)
{
    manifest now;
    if (manifest_load(x->dir, &now, NULL) != TRI_OK) return; /* the next writer does it */
    writer_lock_sweep(x->dir, &now, NULL);
    manifest_drop(&now);
}

void collection_close(tri_index *x)
{
    if (!x) return;
    bool leftovers = x->n_segments > x->n_committed || x->failure.status != TRI_OK;
    if (x->parked) x->parked_free(x->parked);
    pthread_mutex_destroy(&x->parking);
    segment_writer_free(x->writer);
    drop_state(x);
    if (x->flushed) manifest_drop(x->flushed);
    mem_free(x->flushed);
    mem_free(x->segments);
    ordinal_set_drop(&x->dead_next);
    strmap_drop(&x->pending);
    if (leftovers && x->lock.fd >= 0) sweep_uncommitted(x);
    lock_file_release(&x->lock);
    mem_free(x->dir);
    mem_free(x);
}

/* ---- looking up ------------------------------------------------------------------------------------------------- */

static bool find_live(const tri_index *x, tri_text key, uint64_t *ordinal)
{
    const ordinal_set *dead = x->writes ? &x->dead_next : &x->dead;
    uint32_t value, doc;
    if (strmap_find(&x->pending, key.bytes, key.len, &value)) {
        *ordinal = value;
        return true;
    }
    for (size_t s = x->n_segments; s-- > 0;) {
        const segment *seg = &x->segments[s];
        for (uint32_t i = 0; segment_find_key(seg, key, i, &doc); i++) {
            *ordinal = seg->first + doc;
            if (!ordinal_set_has(dead, *ordinal)) return true;
        }
    }
    return false;
}

bool collection_has(const tri_index *x, tri_text key)
{
    uint64_t ordinal;
    return find_live(x, key, &ordinal);
}

const segment *collection_segment_of(const tri_index *x, uint64_t ordinal)
{
    size_t low = 0, high = x->n_committed;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->segments[middle].first + x->segments[middle].n_docs <= ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->n_committed ? &x->segments[low] : NULL;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static tri_status fail(tri_index *x, tri_status st, tri_error *err, const tri_error *cause)
{
    x->failure = *cause;
    x->failure.status = st;
    if (err) *err = x->failure;
    return st;
}

static tri_status check_writable(const tri_index *x, tri_error *err)
{
    if (!x->writes) return err_set(err, TRI_ERR_STATE, "index %s is open for reading only", x->dir);
    if (x->failure.status == TRI_OK) return TRI_OK;
    if (err) *err = x->failure;
    return x->failure.status;
}

/* The keys of a flushed segment are found through its own file from now on. */
static void forget_pending(tri_index *x, const segment *s)
{
    for (uint32_t doc = 0; doc < s->n_docs; doc++) {
        tri_text key = segment_key(s, doc);
        uint32_t ordinal;
        if (strmap_find(&x->pending, key.bytes, key.len, &ordinal) && ordinal == s->first + doc)
            strmap_remove(&x->pending, key.bytes, key.len);
    }
    if (x->pending.count == 0) strmap_drop(&x->pending); /* gives the copies of the keys back */
}

static tri_status begin_flushed(tri_index *x, tri_error *err)
{
    if (x->flushed) return TRI_OK;
    manifest *copy = mem_calloc(1, sizeof *copy);
    if (!copy) return err_memory(err, sizeof *copy);
    tri_status st = manifest_copy(copy, &x->m, err);
    if (st != TRI_OK) {
        mem_free(copy);
        return st;
    }
    x->flushed = copy;
    return TRI_OK;
}

static tri_status begin_writer(tri_index *x, tri_error *err)
{
    if (x->writer) return TRI_OK;
    TRI_TRY(begin_flushed(x, err));
    if (x->flushed->next_id > index_max_id) return err_set(err, TRI_ERR_LIMIT, "index %s has used up its file numbers", x->dir);
    TRI_TRY(segment_writer_new(x->dir, &x->m, x->flushed->next_id, &x->writer, err));
    x->flushed->next_id++;
    return TRI_OK;
}

static tri_status flush(tri_index *x, tri_error *err)
{
    manifest_segment record;
    if (!x->writer) return TRI_OK;
    TRI_TRY(segment_writer_finish(x->writer, &record, err));
    segment_writer_free(x->writer);
    x->writer = NULL;
    TRI_TRY(append_segment(x, &record, x->flushed->docs, err));
    TRI_TRY(manifest_append(x->flushed, &record, err));
    forget_pending(x, &x->segments[x->n_segments - 1]);
    return TRI_OK;
}

/* Enters the keys of the call into `pending`; on a refusal takes them out again. */
static tri_status claim_keys(tri_index *x, const tri_document *d, size_t count, tri_error *err)
{
    size_t i;
    tri_status st = TRI_OK;
    for (i = 0; i < count; i++) {
        st = segment_writer_check(&x->m, &d[i], err);
        if (st == TRI_OK && collection_has(x, d[i].key)) {
            int shown = d[i].key.len < SHOWN_KEY ? (int)d[i].key.len : SHOWN_KEY;
            st = err_set(err, TRI_ERR_ARGUMENT, "document key \"%.*s\" is already in the index", shown, d[i].key.bytes);
        }
        if (st == TRI_OK &&
            strmap_put(&x->pending, d[i].key.bytes, d[i].key.len, (uint32_t)(x->n_docs + i), NULL, NULL) != TRI_OK)
            st = err_memory(err, d[i].key.len);
        if (st != TRI_OK) break;
    }
    if (st != TRI_OK)
        while (i-- > 0) strmap_remove(&x->pending, d[i].key.bytes, d[i].key.len);
    return st;
}

static tri_status write_documents(tri_index *x, const tri_document *d, size_t count, tri_error *err)
{
    for (size_t i = 0; i < count; i++) {
        TRI_TRY(begin_writer(x, err));
        TRI_TRY(segment_writer_add(x->writer, &d[i], err));
        x->n_docs++;
        if (segment_writer_docs(x->writer) >= x->flush_docs || segment_writer_postings(x->writer) >= x->flush_postings)
            TRI_TRY(flush(x, err));
    }
    return TRI_OK;
}

tri_status collection_add(tri_index *x, const tri_document *documents, size_t count, tri_error *err)
{
    tri_error cause = {0};
    TRI_TRY(check_writable(x, err));
    if (count > index_max_docs - x->n_docs)
        return err_set(err, TRI_ERR_LIMIT, "index %s would pass %" PRIu64 " documents", x->dir, index_max_docs);
    TRI_TRY(claim_keys(x, documents, count, err));
    tri_status st = write_documents(x, documents, count, &cause);
    return st == TRI_OK ? TRI_OK : fail(x, st, err, &cause);
}

tri_status collection_delete(tri_index *x, const tri_text *keys, size_t count, size_t *n_missing, tri_error *err)
{
    size_t missing = 0;
    TRI_TRY(check_writable(x, err));
    TRI_TRY(ordinal_set_reserve(&x->dead_next, x->n_docs, err));
    for (size_t i = 0; i < count; i++) {
        uint64_t ordinal;
        if (!find_live(x, keys[i], &ordinal)) {
            missing++;
            continue;
        }
        ordinal_set_add(&x->dead_next, ordinal);
        strmap_remove(&x->pending, keys[i].bytes, keys[i].len);
    }
    if (n_missing) *n_missing = missing;
    return TRI_OK;
}

/* ---- commit ----------------------------------------------------------------------------------------------------- */

static tri_status write_dead(tri_index *x, manifest *next, tri_error *err)
{
    char path[LIMIT_PATH];
    if (x->dead_next.count == x->dead.count) return TRI_OK; /* the set only grows */
    if (next->next_id > index_max_id) return err_set(err, TRI_ERR_LIMIT, "index %s has used up its file numbers", x->dir);
    TRI_TRY(dead_path(x, next->next_id, path, err));
    TRI_TRY(ordinal_set_save(&x->dead_next, path, &next->dead, err));
    next->dead_id = next->next_id++;
    next->deleted = x->dead_next.count;
    return TRI_OK;
}

/* What a commit prepares before its rename and takes over after it. */
typedef struct next_state {
    ordinal_set dead;
    size_t merged_from; /* segments from here on became `merged`; n_segments = none did */
    segment merged;
} next_state;

static void remove_file(const tri_index *x, uint32_t id, index_kind kind)
{
    char name[32], path[LIMIT_PATH];
    segment_file_name(name, id, kind);
    if (file_join(path, sizeof path, x->dir, name) == TRI_OK) file_remove(path, NULL); /* if not now, the next writer does */
}

static tri_status merge_segments(tri_index *x, manifest *next, next_state *n, tri_error *err)
{
    manifest_segment record;
    size_t from = merge_plan(next->segments, next->n_segments);
    n->merged_from = x->n_segments;
    if (from == next->n_segments) return TRI_OK;
    if (next->next_id > index_max_id) return err_set(err, TRI_ERR_LIMIT, "index %s has used up its file numbers", x->dir);
    TRI_TRY(merge_run(x->dir, &x->m, x->segments + from, next->segments + from, next->n_segments - from, next->next_id, &record,
                      err));
    TRI_TRY(segment_open(x->dir, &x->m, &record, x->segments[from].first, &n->merged, err));
    n->merged_from = from;
    next->next_id++;
    next->segments[from] = record;
    next->n_segments = from + 1;
    return TRI_OK;
}

static tri_status write_commit(tri_index *x, next_state *n, tri_error *err)
{
    TRI_TRY(begin_flushed(x, err));
    TRI_TRY(flush(x, err));
    TRI_TRY(merge_segments(x, x->flushed, n, err));
    TRI_TRY(write_dead(x, x->flushed, err));
    x->flushed->generation++;
    TRI_TRY(file_sync_dir(x->dir, err));
    TRI_TRY(ordinal_set_copy(&n->dead, &x->dead_next, err));
    return manifest_save(x->dir, x->flushed, err);
}

static void take_over(tri_index *x, const next_state *n)
{
    if (n->merged_from < x->n_segments) {
        for (size_t i = n->merged_from; i < x->n_segments; i++) {
            for (int kind = 1; kind < INDEX_DEAD; kind++)
                if (manifest_wants(&x->m, (index_kind)kind)) remove_file(x, x->segments[i].id, (index_kind)kind);
            segment_close(&x->segments[i]);
        }
        x->segments[n->merged_from] = n->merged;
        x->n_segments = n->merged_from + 1;
    }
    x->n_committed = x->n_segments;
    if (x->m.dead_id && x->m.dead_id != x->flushed->dead_id) remove_file(x, x->m.dead_id, INDEX_DEAD);
    ordinal_set_drop(&x->dead);
    x->dead = n->dead;
    manifest_drop(&x->m);
    x->m = *x->flushed;
    mem_free(x->flushed);
    x->flushed = NULL;
}

tri_status collection_commit(tri_index *x, tri_error *err)
{
    tri_error cause = {0};
    next_state next = {0};
    TRI_TRY(check_writable(x, err));
    if (!x->writer && x->n_segments == x->n_committed && x->dead_next.count == x->dead.count) return TRI_OK;
    tri_status st = write_commit(x, &next, &cause);
    if (st != TRI_OK) {
        segment_close(&next.merged);
        ordinal_set_drop(&next.dead);
        err_prefix(&cause, st, "could not commit to index %s: ", x->dir);
        return fail(x, st, err, &cause);
    }
    take_over(x, &next);
    return TRI_OK;
}

/* ---- parking ---------------------------------------------------------------------------------------------------- */

/* A search through a const handle parks its scratch here: it changes no answer. */
void *collection_unpark(const tri_index *index)
{
    tri_index *x = (tri_index *)(uintptr_t)index;
    pthread_mutex_lock(&x->parking);
    void *object = x->parked;
    x->parked = NULL;
    pthread_mutex_unlock(&x->parking);
    return object;
}

void collection_park(const tri_index *index, void *object, void (*object_free)(void *))
{
    tri_index *x = (tri_index *)(uintptr_t)index;
    pthread_mutex_lock(&x->parking);
    bool free_place = x->parked == NULL;
    if (free_place) {
        x->parked = object;
        x->parked_free = object_free;
    }
    pthread_mutex_unlock(&x->parking);
    if (!free_place) object_free(object);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* collection.h — an open index: its committed segments, what is deleted, and, for a writer, what waits for the next commit.
 *
 * Readers of one handle may be many threads; a handle that writes belongs to one thread at a time. Ordinals are insertion
 * order over all segments, deleted documents counted. */
#ifndef TRI_INDEX_COLLECTION_H
#define TRI_INDEX_COLLECTION_H

#include <pthread.h>

#include "base/strmap.h"
#include "index/manifest.h"
#include "index/ordinal_set.h"
#include "index/segment.h"
#include "index/segment_writer.h"
#include "index/writer_lock.h"

struct tri_index {
    char *dir;
    bool writes;
    lock_file lock;
    manifest m;        /* as committed */
    segment *segments; /* [n_segments]; the first n_committed belong to m, the rest are flushed and wait */
    size_t n_segments, n_committed, cap_segments;
    ordinal_set dead; /* as committed */

    /* Writers only. */
    segment_writer *writer;              /* NULL = nothing pending */
    manifest *flushed;                   /* m plus the flushed segments */
    strmap pending;                      /* key -> ordinal of live documents in `writer` */
    ordinal_set dead_next;               /* dead plus what was deleted since */
    uint64_t n_docs;                     /* pending ones too: the next ordinal */
    uint64_t flush_docs, flush_postings; /* a segment is finished when it has so many */
    tri_error failure;                   /* status not OK: a write failed half-way; every later write returns it */

    /* One parked object of the room above (its warm scratch), freed with the index. */
    pthread_mutex_t parking;
    void *parked;
    void (*parked_free)(void *);
};

tri_status collection_create(const char *dir, const tri_index_options *options, tri_index **out, tri_error *err);
tri_status collection_open(const char *dir, bool writes, tri_index **out, tri_error *err);
void collection_close(tri_index *index);

tri_status collection_add(tri_index *index, const tri_document *documents, size_t count, tri_error *err);
tri_status collection_delete(tri_index *index, const tri_text *keys, size_t count, size_t *n_missing, tri_error *err);
tri_status collection_commit(tri_index *index, tri_error *err);
bool collection_has(const tri_index *index, tri_text key);

/* The committed segment that holds this ordinal; NULL when none does. */
const segment *collection_segment_of(const tri_index *index, uint64_t ordinal);

/* Takes what was parked (NULL when nothing is, or another thread has it); puts it back, or frees it when the place is taken. */
void *collection_unpark(const tri_index *index);
void collection_park(const tri_index *index, void *object, void (*object_free)(void *));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* toy_index.h — documents and queries out of a seeded generator, and folders to keep them in, for the tests of index and
 * search. Memory comes from malloc, not from base/alloc.h, so that counts and injected failures concern the code under test
 * alone. */
#ifndef TEST_SUPPORT_TOY_INDEX_H
#define TEST_SUPPORT_TOY_INDEX_H

#include "trident/search.h"

enum { TOY_DENSE = 24, TOY_MULTI = 16, TOY_VOCAB = 60 };

typedef struct toy_docs {
    size_t n;
    tri_document *docs; /* keys "doc-0".., texts "text of doc-0".. */
} toy_docs;

/* About one in five repeats an earlier document's vectors, so that there are ties; some have no tokens, some no rows. */
toy_docs toy_docs_new(size_t n, uint64_t seed);
void toy_docs_free(toy_docs *t);

/* The vectors of documents made by toy_docs_new, borrowed, as queries. Free `docs` after the last use. */
tri_query toy_query(const toy_docs *docs, size_t i);

/* A new empty folder, removed with all in it by the second. */
void toy_folder(char out[256]);
void toy_remove(const char *folder);

/* All three representations, f32 dense, multi as given. */
tri_index_options toy_options(int store_multi);
/* Makes DIR an index of docs [0, n) in n_commits equal commits. */
tri_status toy_build(const char *dir, const toy_docs *t, size_t n_commits, int store_multi, tri_error *err);
tri_text toy_text(const char *s);

#endif

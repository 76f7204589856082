/* SPDX-License-Identifier: Apache-2.0 */
/* search_part.h — the finished queries of a search that may be killed, kept beside its output until that is whole.
 *
 *   OUT.part    trident search part 1 <hash of everything the hits depend on>
 *               @ <last input line> <bytes> <XXH3 of the bytes>
 *               ...the bytes: lines of hits, as they will stand in OUT
 *               @ ...
 * A block is appended, with fsync, when a window of queries is done. Whoever resumes takes the blocks up to the first that is
 * not whole, and throws the rest away; another hash throws all away. At the end the blocks become OUT, and OUT.part goes. */
#ifndef TRI_CLI_SEARCH_PART_H
#define TRI_CLI_SEARCH_PART_H

#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"

typedef struct search_part {
    char path[LIMIT_PATH];
    const char *out;    /* borrowed */
    uint64_t done_line; /* queries up to this input line are finished */
    buf block;          /* lines of the window at hand */
} search_part;

/* Reads what an earlier run left. */
tri_status search_part_open(search_part *p, const char *out, uint64_t terms, tri_error *err);
/* The block is whole: every query up to this line of the input is done. */
tri_status search_part_end_window(search_part *p, uint64_t last_line, tri_error *err);
tri_status search_part_commit(search_part *p, tri_error *err);
void search_part_close(search_part *p); /* the file stays; a zeroed one is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* submission_text.h — pieces of text that learner, reader and writer look at alike. */
#ifndef TRI_LAB_SUBMISSION_TEXT_H
#define TRI_LAB_SUBMISSION_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "trident/types.h"

bool submission_is_blank(char c); /* a space, a tab, a line end */
/* Without those around it. */
tri_text submission_trim(tri_text t);
/* Of ['a', "b", 3]: the next item from *rest on, which moves; false at the end, or where it cannot be read (*bad). */
bool submission_python_item(tri_text *rest, tri_text *item, bool *bad);
/* An error in a value of one line of JSONL knows only that line: the words stay, the number becomes the file's. */
tri_status submission_name_line(const char *what, uint64_t number, tri_error *err);

#endif

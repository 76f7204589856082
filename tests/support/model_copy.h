/* SPDX-License-Identifier: Apache-2.0 */
/* model_copy.h — a copy of the tiny model in a folder of the test's own, to be written beside, damaged and thrown away. */
#ifndef TEST_SUPPORT_MODEL_COPY_H
#define TEST_SUPPORT_MODEL_COPY_H

#include <stdbool.h>

bool model_copy_begin(void); /* makes the folder; empty until model_copy_fresh */
void model_copy_end(void);   /* removes it with all that is in it */
/* The model anew in "m", without packed files. */
void model_copy_fresh(void);
/* "m/NAME" in the folder; good for the next seven calls. */
const char *in_folder(const char *name);
/* A command run in the folder; fails the test when it fails. */
void shell(const char *command);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* precision_word.h — what a precision is called: on the command line, in files' names, and as a number in packed files. */
#ifndef TRI_MODEL_PRECISION_WORD_H
#define TRI_MODEL_PRECISION_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/compute.h"

const char *precision_word(precision p); /* "f32", "bf16", "f16", "int8", "fp8" */
bool precision_from_word(const char *word, precision *out);
/* Those that this build computes in, for messages: "f32, bf16, int8" */
bool precision_is_here(precision p, bool on_card);
void precision_words_here(bool on_card, char *out, size_t cap);

/* The number in a packed file, pinned forever; the other way round false for a number that means none. */
uint32_t precision_number(precision p);
bool precision_from_number(uint32_t number, precision *out);

/* "trident-bf16.packed": where an opened folder is looked at for packed weights */
void precision_file_name(precision p, char *out, size_t cap);

#endif

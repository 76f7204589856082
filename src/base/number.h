/* SPDX-License-Identifier: Apache-2.0 */
/* number.h — numbers to and from text without the locale. */
#ifndef TRI_BASE_NUMBER_H
#define TRI_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The shortest decimal that reads back as the same float32 ("0.1", "1e-07", "-3"); valid JSON for finite values. Returns its
 * length; out is NUL-terminated. cap >= 32. Not finite: "nan", "inf", "-inf". */
size_t number_format_f32(char *out, size_t cap, float value);
/* The same for doubles (17 significant digits at most). */
size_t number_format_f64(char *out, size_t cap, double value);
/* Whole of s[0..len) as a decimal number; false for anything else. "nan" and "inf" are refused. */
bool number_parse_f64(const char *s, size_t len, double *out);
bool number_parse_u64(const char *s, size_t len, uint64_t *out);
/* "512", "64k", "1.5g", "2GiB" (powers of 1024) */
bool number_parse_size(const char *s, uint64_t *bytes);

#endif

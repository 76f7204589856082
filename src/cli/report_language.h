/* SPDX-License-Identifier: Apache-2.0 */
/* report_language.h — the language of a query, as far as its id or its script tells. */
#ifndef TRI_CLI_REPORT_LANGUAGE_H
#define TRI_CLI_REPORT_LANGUAGE_H

#include <stddef.h>

/* "zh" of "zh:17" or "zh-Hant:17": its length, 0 when the id has no such prefix. */
size_t report_language_prefix(const char *id);
/* The script that most letters of a UTF-8 text are in: "Latin", "Han", "Japanese" (kana, or Han beside kana), "Hangul",
 * "Cyrillic", "Arabic", ...; "none" without letters. */
const char *report_language_script(const char *text, size_t len);

#endif

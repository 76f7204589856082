/* SPDX-License-Identifier: Apache-2.0 */
/* submission_text.c — see submission_text.h. A Python list is read as its repr writes it; escapes inside its strings are not
 * known. */
#include "lab/submission_text.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

tri_status submission_name_line(const char *what, uint64_t number, tri_error *err)
{
    static const char mark[] = " line 1: ";
    char words[256] = "it is no JSON";
    const char *at = err ? strstr(err->text, mark) : NULL;
    if (at) snprintf(words, sizeof words, "%s", at + sizeof mark - 1);
    return err_set(err, TRI_ERR_FORMAT, "%s line %llu: %s", what, (unsigned long long)number, words);
}

bool submission_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

tri_text submission_trim(tri_text t)
{
    while (t.len && submission_is_blank(*t.bytes)) t = (tri_text){t.bytes + 1, t.len - 1};
    while (t.len && submission_is_blank(t.bytes[t.len - 1])) t.len--;
    return t;
}

bool submission_python_item(tri_text *rest, tri_text *item, bool *bad)
{
    tri_text t = submission_trim(*rest);
    if (t.len && (*t.bytes == '[' || *t.bytes == '(' || *t.bytes == ','))
        t = submission_trim((tri_text){t.bytes + 1, t.len - 1});
    if (!t.len || *t.bytes == ']' || *t.bytes == ')') {
        *bad = !t.len || t.len > 1;
        return false;
    }
    bool quoted = *t.bytes == '\'' || *t.bytes == '"';
    size_t from = quoted, end = from;
    while (end < t.len &&
           (quoted ? t.bytes[end] != *t.bytes : t.bytes[end] != ',' && t.bytes[end] != ']' && t.bytes[end] != ')'))
        end++;
    *bad = end == t.len;
    if (*bad) return false;
    *item = submission_trim((tri_text){t.bytes + from, end - from});
    *rest = (tri_text){t.bytes + end + quoted, t.len - end - quoted};
    return true;
}

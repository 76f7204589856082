/* SPDX-License-Identifier: Apache-2.0 */
/* json.c — jansson, made safe for bytes from outside.
 *
 * jansson parses by recursion (up to 2,048 levels) and its memory is a multiple of the text, so both are bounded before it sees
 * the text: the depth by one linear pass that knows only strings and brackets, the size by the reader of the file. Its memory comes
 * from base/alloc.h.
 *
 * Integers: jansson refuses those past 64 bits, but tokenizer_config.json of many models has model_max_length
 * 1000000000000000019884624838656. A text refused for that reason alone is read again with its integers as doubles; so a count is
 * an integer, or a double without a fraction, as JSON itself knows only numbers. */
#include "formats/json.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"

/* jansson 2.14 does not look at every allocation: one that fails inside a token is reported as a bad token, or the byte is left out
 * and the parse succeeds ("LayrNorm" for "LayerNorm", found by making each allocation fail). So the allocator notes its own
 * failures: per thread, cleared before each parse, and a parse during which one happened is never believed. */
static _Thread_local bool starved;

static void *note_alloc(size_t bytes)
{
    void *block = mem_alloc(bytes);
    if (!block) starved = true;
    return block;
}

static void route_memory(void)
{
    json_set_alloc_funcs(note_alloc, mem_free);
}

/* The deepest nesting of brackets outside strings. A text that is not JSON may give any number: the parser will refuse it. */
static size_t nesting(const char *text, size_t len)
{
    size_t depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest) deepest = depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static tri_status say_why(const json_error_t *why, const char *what, tri_error *err)
{
    if (starved)
        return err_set(err, TRI_ERR_MEMORY, "could not read %s: no memory for its JSON", what);
    return err_set(err, TRI_ERR_FORMAT, "could not read %s: line %d, column %d: %s", what, why->line, why->column, why->text);
}

tri_status json_text_load(const void *text, size_t len, const char *what, json_t **out, tri_error *err)
{
    static pthread_once_t routed = PTHREAD_ONCE_INIT;
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t why = {0};
    *out = NULL;
    pthread_once(&routed, route_memory);
    starved = false;
    if (nesting(text, len) > LIMIT_JSON_DEPTH)
        return err_set(err, TRI_ERR_LIMIT, "could not read %s: its JSON is nested more than %d deep", what, LIMIT_JSON_DEPTH);
    *out = json_loadb(len ? text : "", len, flags, &why);
    if (!*out && !starved && json_error_code(&why) == json_error_numeric_overflow)
        *out = json_loadb(text, len, flags | JSON_DECODE_INT_AS_REAL, &why);
    if (*out && !starved) return TRI_OK;
    json_decref(*out);
    *out = NULL;
    return say_why(&why, what, err);
}

tri_status json_file_load(const char *path, json_t **out, tri_error *err)
{
    buf text;
    *out = NULL;
    buf_init(&text, 0);
    tri_status st = file_read_all(path, LIMIT_JSON_CONFIG, &text, err);
    if (!st) st = json_text_load(text.data, text.len, path, out, err);
    buf_drop(&text);
    return st;
}

/* --- getters ------------------------------------------------------------------------------------------------------------ */

/* The value under a key; NULL when it is absent or null. */
static const json_t *present(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static const char *kind_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "text";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    case JSON_NULL: break;
    }
    return "null";
}

static tri_status wrong_kind(const json_t *value, const char *key, const char *what, const char *wanted, tri_error *err)
{
    return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %s, not %s", what, key, kind_name(value), wanted);
}

tri_status json_get_size(const json_t *object, const char *key, const char *what, size_t fallback, size_t min, size_t max,
                         size_t *out, tri_error *err)
{
    const json_t *value = present(object, key);
    if (!value) {
        *out = fallback;
        return TRI_OK;
    }
    if (!json_is_number(value)) return wrong_kind(value, key, what, "a count", err);
    double number = json_number_value(value);
    bool whole = json_is_integer(value) ? json_integer_value(value) >= 0 : number >= 0 && number == floor(number) && number < 0x1p53;
    if (!whole && number >= 0 && number == floor(number))
        return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %.17g, over %zu", what, key, number, max);
    if (!whole) return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %.17g, not a count", what, key, number);
    uint64_t count = json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)number;
    if (count < min || count > max)
        return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %llu, not in %zu to %zu", what, key, (unsigned long long)count, min, max);
    *out = (size_t)count;
    return TRI_OK;
}

tri_status json_get_f64(const json_t *object, const char *key, const char *what, double fallback, double *out, tri_error *err)
{
    const json_t *value = present(object, key);
    if (value && !json_is_number(value)) return wrong_kind(value, key, what, "a number", err);
    *out = value ? json_number_value(value) : fallback;
    return TRI_OK;
}

tri_status json_get_bool(const json_t *object, const char *key, const char *what, bool fallback, bool *out, tri_error *err)
{
    const json_t *value = present(object, key);
    if (value && !json_is_boolean(value)) return wrong_kind(value, key, what, "true or false", err);
    *out = value ? json_is_true(value) : fallback;
    return TRI_OK;
}

tri_status json_get_str(const json_t *object, const char *key, const char *what, const char *fallback, const char **out,
                        tri_error *err)
{
    const json_t *value = present(object, key);
    if (value && !json_is_string(value)) return wrong_kind(value, key, what, "text", err);
    if (value && strlen(json_string_value(value)) != json_string_length(value))
        return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" holds U+0000", what, key);
    *out = value ? json_string_value(value) : fallback;
    return TRI_OK;
}

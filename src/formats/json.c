/* SPDX-License-Identifier: Apache-2.0 */
/* json.c — configuration as a tree (jansson's), built by this house's own reader.
 *
 * jansson keeps the tree, but does not parse: its parser recurses, refuses integers past 64 bits (tokenizer_config.json of many
 * models has model_max_length 1000000000000000019884624838656), and does not look at every allocation: when memory runs out
 * inside a name, version 2.14 leaves the byte out ("LayrNorm") or writes past its buffer. Found by making each allocation fail
 * (tests/formats/test_json.c). So the tree is built from the events of json_stream.h: depth bounded, no recursion, each
 * allocation checked, all memory from base/alloc.h.
 *
 * Numbers: without fraction and exponent and inside 64 bits, an integer; any other finite one, a double. A count is an integer
 * or a double without a fraction, as JSON itself knows only numbers. */
#include "formats/json.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/number.h"
#include "formats/json_stream.h"

/* The tree while it grows: open[0..depth) are the containers that the next value lies in. */
typedef struct tree {
    json_stream stream;
    json_t *root, *open[LIMIT_JSON_DEPTH];
    unsigned depth;
    buf key; /* of the value to come */
} tree;

static void set_functions(void)
{
    json_set_alloc_funcs(mem_alloc, mem_free);
}

void json_route_memory(void)
{
    static pthread_once_t routed = PTHREAD_ONCE_INIT;
    pthread_once(&routed, set_functions);
}

/* Puts the value in its place; takes it over, also on failure. NULL stands for a value that memory had no room for. */
static tri_status attach(tree *t, json_t *value, tri_error *err)
{
    json_t *parent = t->depth ? t->open[t->depth - 1] : NULL;
    int failed = !value;
    if (!parent)
        t->root = value;
    else if (json_is_object(parent))
        failed = json_object_setn_new_nocheck(parent, (const char *)t->key.data, t->key.len, value);
    else
        failed = json_array_append_new(parent, value);
    return failed ? err_set(err, TRI_ERR_MEMORY, "could not read %s: no memory for its JSON", t->stream.what) : TRI_OK;
}

static tri_status open_container(tree *t, json_t *container, tri_error *err)
{
    TRI_TRY(attach(t, container, err));
    t->open[t->depth++] = container; /* the stream allows no more than LIMIT_JSON_DEPTH */
    return TRI_OK;
}

/* One byte at least is reserved, so that the empty key is not NULL. */
static tri_status keep_key(tree *t, tri_error *err)
{
    const json_stream *s = &t->stream;
    if (memchr(s->text, 0, s->len)) return json_stream_error(s, err, "a key holds U+0000");
    if (json_object_getn(t->open[t->depth - 1], s->text, s->len)) {
        tri_status st = json_stream_error(s, err, "the key is there twice");
        return err_prefix(err, st, "duplicate key \"%.*s\": ", (int)(s->len < 100 ? s->len : 100), s->text);
    }
    buf_clear(&t->key);
    if (buf_reserve(&t->key, s->len + 1) != TRI_OK || buf_append(&t->key, s->text, s->len) != TRI_OK)
        return err_memory(err, s->len);
    return TRI_OK;
}

static tri_status attach_number(tree *t, tri_error *err)
{
    const json_stream *s = &t->stream;
    bool negative = *s->text == '-';
    uint64_t size;
    double real;
    if (number_parse_u64(s->text + negative, s->len - negative, &size) && size <= INT64_MAX)
        return attach(t, json_integer(negative ? -(json_int_t)size : (json_int_t)size), err);
    if (!number_parse_f64(s->text, s->len, &real) || !isfinite(real)) return json_stream_error(s, err, "a number is too big");
    return attach(t, json_real(real), err);
}

static tri_status grow_tree(tree *t, json_event event, tri_error *err)
{
    const json_stream *s = &t->stream;
    switch (event) {
    case JSON_EVENT_OBJECT:
        return open_container(t, json_object(), err);
    case JSON_EVENT_ARRAY:
        return open_container(t, json_array(), err);
    case JSON_EVENT_OBJECT_END:
    case JSON_EVENT_ARRAY_END:
        t->depth--;
        return TRI_OK;
    case JSON_EVENT_KEY:
        return keep_key(t, err);
    case JSON_EVENT_STRING:
        return attach(t, json_stringn_nocheck(s->text, s->len), err);
    case JSON_EVENT_NUMBER:
        return attach_number(t, err);
    case JSON_EVENT_TRUE:
        return attach(t, json_true(), err);
    case JSON_EVENT_FALSE:
        return attach(t, json_false(), err);
    case JSON_EVENT_NULL:
        return attach(t, json_null(), err);
    case JSON_EVENT_END:
        break;
    }
    return TRI_OK;
}

tri_status json_text_load(const void *text, size_t len, const char *what, json_t **out, tri_error *err)
{
    tree t = {0};
    json_event event;
    tri_status st;
    *out = NULL;
    json_route_memory();
    json_stream_init(&t.stream, text, len, what);
    buf_init(&t.key, 0);
    do {
        st = json_stream_next(&t.stream, &event, err);
        if (!st) st = grow_tree(&t, event, err);
    } while (!st && event != JSON_EVENT_END);
    json_stream_drop(&t.stream);
    buf_drop(&t.key);
    if (!st)
        *out = t.root;
    else
        json_decref(t.root);
    return st;
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
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
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
    bool whole =
        json_is_integer(value) ? json_integer_value(value) >= 0 : number >= 0 && number == floor(number) && number < 0x1p53;
    if (!whole && number >= 0 && number == floor(number))
        return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %.17g, over %zu", what, key, number, max);
    if (!whole) return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %.17g, not a count", what, key, number);
    uint64_t count = json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)number;
    if (count < min || count > max)
        return err_set(err, TRI_ERR_FORMAT, "%s: \"%s\" is %llu, not in %zu to %zu", what, key, (unsigned long long)count, min,
                       max);
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

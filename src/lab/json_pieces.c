/* SPDX-License-Identifier: Apache-2.0 */
/* json_pieces.c — see json_pieces.h. A piece is passed over event by event, so what is handed out has been checked whole. */
#include "lab/json_pieces.h"

#include <string.h>

#include "base/err.h"

tri_status json_pieces_open(json_pieces *p, tri_text raw, const char *what, tri_error *err)
{
    json_event event;
    json_stream_init(&p->stream, raw.bytes, raw.len, what);
    p->stream.words_for_numbers = true;
    buf_init(&p->key, 0);
    tri_status st = json_stream_next(&p->stream, &event, err);
    if (!st && event != JSON_EVENT_ARRAY && event != JSON_EVENT_OBJECT)
        st = json_stream_error(&p->stream, err, "neither an array nor an object");
    p->object = event == JSON_EVENT_OBJECT;
    if (st) json_stream_drop(&p->stream);
    return st;
}

void json_pieces_close(json_pieces *p)
{
    json_stream_drop(&p->stream);
    buf_drop(&p->key);
}

static bool is_gap(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ',';
}

static tri_status pass_value(json_stream *s, const uint8_t *from, unsigned depth, tri_text *value, tri_error *err)
{
    json_event event;
    while (s->depth > depth) TRI_TRY(json_stream_next(s, &event, err));
    while (is_gap(*from)) from++;
    *value = (tri_text){(const char *)from, (size_t)(s->p - from)};
    return TRI_OK;
}

tri_status json_pieces_next(json_pieces *p, tri_text *key, tri_text *value, tri_error *err)
{
    json_stream *s = &p->stream;
    json_event event;
    unsigned depth = s->depth;
    const uint8_t *from = s->p;
    *value = (tri_text){NULL, 0};
    if (key) *key = (tri_text){NULL, 0};
    TRI_TRY(json_stream_next(s, &event, err));
    if (event == JSON_EVENT_ARRAY_END || event == JSON_EVENT_OBJECT_END) {
        TRI_TRY(json_stream_next(s, &event, err)); /* nothing may follow */
        return TRI_OK;
    }
    if (event == JSON_EVENT_KEY) {
        buf_clear(&p->key);
        if (buf_reserve(&p->key, s->len + 1) || buf_append(&p->key, s->text, s->len)) return err_memory(err, s->len);
        if (key) *key = (tri_text){(const char *)p->key.data, p->key.len};
        from = s->p;
        TRI_TRY(json_stream_next(s, &event, err));
    }
    return pass_value(s, from, depth, value, err);
}

tri_status json_raw_text(tri_text raw, buf *room, tri_text *out, tri_error *err)
{
    json_stream s;
    json_event event;
    *out = raw;
    if (!json_raw_is_string(raw)) return TRI_OK;
    *out = (tri_text){raw.bytes + 1, raw.len - 2};
    if (!memchr(raw.bytes, '\\', raw.len)) return TRI_OK;
    json_stream_init(&s, raw.bytes, raw.len, "a string");
    tri_status st = json_stream_next(&s, &event, err);
    buf_clear(room);
    if (!st && (buf_reserve(room, s.len + 1) || buf_append(room, s.text, s.len))) st = err_memory(err, s.len);
    if (!st) *out = (tri_text){(const char *)room->data, s.len};
    json_stream_drop(&s);
    return st;
}

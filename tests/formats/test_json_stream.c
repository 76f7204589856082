/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_stream.c — the streaming reader takes what RFC 8259 takes, refuses the rest, and says on which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "formats/json_stream.h"

/* The events of a text as letters, with strings and numbers in angle brackets; "!" at a refusal. */
static const char *events(const char *text, size_t len)
{
    static const char letters[] = "$o.a,ksntfz";
    static char out[512];
    json_stream s;
    json_event e = JSON_EVENT_NULL;
    size_t n = 0;
    json_stream_init(&s, text, len, "text");
    while (e != JSON_EVENT_END && n < 400) {
        if (json_stream_next(&s, &e, NULL)) {
            out[n++] = '!';
            break;
        }
        out[n++] = letters[e];
        if (e != JSON_EVENT_KEY && e != JSON_EVENT_STRING && e != JSON_EVENT_NUMBER) continue;
        n += (size_t)snprintf(out + n, sizeof out - n, "<%.*s>", (int)s.len, s.text);
    }
    out[n] = 0;
    json_stream_drop(&s);
    return out;
}

#define EXPECT(text, want) assert_string_equal(events(text, sizeof(text) - 1), want)

static void values(void **state)
{
    (void)state;
    EXPECT("{}", "o.$");
    EXPECT(" [ ] ", "a,$");
    EXPECT("{\"a\":[1,-2.5e+3,\"x\"],\"b\":{\"c\":null}}", "ok<a>an<1>n<-2.5e+3>s<x>,k<b>ok<c>z..$");
    EXPECT("\t\r\n          true", "t$");
    EXPECT("[false,null,0,0.1,1E2]", "afzn<0>n<0.1>n<1E2>,$");
    EXPECT("\"\"", "s<>$");
}

static void strings(void **state)
{
    (void)state;
    EXPECT("\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\"", "s<a\n\t\"\\/\b\f\r>$");
    EXPECT("\"\\u00e9\\u4E00\\ud83d\\ude00z\"", "s<\xC3\xA9\xE4\xB8\x80\xF0\x9F\x98\x80z>$");
    EXPECT("\"\xC3\xA9\"", "s<\xC3\xA9>$");
    EXPECT("\"\\ud83d\"", "!");
    EXPECT("\"\\ude00\\ud83d\"", "!");
    EXPECT("\"\\u12g4\"", "!");
    EXPECT("\"\\x\"", "!");
    EXPECT("\"a\nb\"", "!");
    EXPECT("\"\xC3\"", "!");
    EXPECT("\"\xED\xA0\x80\"", "!");
    EXPECT("\"abc", "!");
    EXPECT("\"abc\\", "!");
}

static void zero_in_string(void **state)
{
    (void)state;
    json_stream s;
    json_event e;
    json_stream_init(&s, "\"a\\u0000b\"", 10, "text");
    assert_int_equal(json_stream_next(&s, &e, NULL), TRI_OK);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.text, "a\0b", 3);
    json_stream_drop(&s);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "{",    "[",   "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "[1 2]",   "01",   "1.",   ".5",  "+1",
        "1e",       "-",    "nul", "[]]",  "{}{}",       "]",         "}",     "{\"a\"}", "[,1]", "'a'",  "{,}", "NaN",
        "Infinity", "0x10", "[1}", "{]",   "tru",        "{\"a\":}",  "//x",   "[1,,2]",  "\v1",  "{1:2}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *got = events(bad[i], strlen(bad[i]));
        if (got[strlen(got) - 1] != '!') fail_msg("\"%s\" was taken: %s", bad[i], got);
    }
}

static void depth(void **state)
{
    (void)state;
    char text[200];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_int_equal(strlen(events(text, 128)), 129);
    memset(text, '[', 65);
    assert_int_equal(events(text, 65)[64], '!');
}

static void slices(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": {\"x\":[1,{}]} ,\"b\":\"q\\\"\", \"c\":7}";
    static const char *const want[] = {"{\"x\":[1,{}]}", "\"q\\\"\"", "7"};
    json_stream s;
    json_event e;
    json_stream_init(&s, text, sizeof text - 1, "text");
    assert_int_equal(json_stream_next(&s, &e, NULL), TRI_OK);
    for (int i = 0; i < 3; i++) {
        const char *slice;
        size_t len;
        assert_int_equal(json_stream_next(&s, &e, NULL), TRI_OK);
        assert_int_equal(e, JSON_EVENT_KEY);
        assert_int_equal(json_stream_slice(&s, &slice, &len, NULL), TRI_OK);
        assert_int_equal(len, strlen(want[i]));
        assert_memory_equal(slice, want[i], len);
    }
    assert_int_equal(json_stream_next(&s, &e, NULL), TRI_OK);
    assert_int_equal(e, JSON_EVENT_OBJECT_END);
    json_stream_drop(&s);
}

static void message(void **state)
{
    (void)state;
    tri_error err;
    json_stream s;
    json_event e;
    json_stream_init(&s, "{\n\n \"a\" }", 10, "x.json");
    assert_int_equal(json_stream_next(&s, &e, &err), TRI_OK);
    assert_int_equal(json_stream_next(&s, &e, &err), TRI_ERR_FORMAT);
    assert_string_equal(err.text, "x.json line 3: ':' was expected");
    json_stream_drop(&s);
}

static void no_memory(void **state)
{
    (void)state;
    json_stream s;
    json_event e;
    json_stream_init(&s, "\"a\\n\"", 5, "text");
    fault_arm(FAULT_ALLOC, 1, false);
    assert_int_equal(json_stream_next(&s, &e, NULL), TRI_ERR_MEMORY);
    fault_arm(FAULT_ALLOC, 0, false);
    json_stream_drop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values), cmocka_unit_test(strings), cmocka_unit_test(zero_in_string), cmocka_unit_test(refusals),
        cmocka_unit_test(depth),  cmocka_unit_test(slices),  cmocka_unit_test(message),        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

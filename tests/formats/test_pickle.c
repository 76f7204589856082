/* SPDX-License-Identifier: Apache-2.0 */
/* test_pickle.c — each opcode's value, each refusal's words, and no program that hurts. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "formats/pickle.h"

#define PROGRAM(text) text, sizeof(text) - 1

/* A copy of exactly the program's length, so that ASan sees one byte too far. */
static uint8_t *start(pickle *p, const char *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    pickle_init(p);
    return copy;
}

static void test_numbers(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int64_t want;
    } programs[] = {
        {PROGRAM("K\xFF."), 255},
        {PROGRAM("M\x34\x12."), 0x1234},
        {PROGRAM("J\xFF\xFF\xFF\xFF."), -1},
        {PROGRAM("J\xFF\xFF\xFF\x7F."), INT32_MAX},
        {PROGRAM("\x8A\0."), 0},
        {PROGRAM("\x8A\1\x80."), -128},
        {PROGRAM("\x8A\2\x80\0."), 128},
        {PROGRAM("\x8A\x08\0\0\0\0\0\0\0\x80."), INT64_MIN},
        {PROGRAM("\x80\2\x88."), 1},
        {PROGRAM("\x80\4\x95\2\0\0\0\0\0\0\0\x89."), 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        pickle p;
        tri_error err;
        uint8_t *bytes = start(&p, programs[i].bytes, programs[i].len);
        if (pickle_run(&p, bytes, programs[i].len, &err) != TRI_OK) fail_msg("program %zu: %s", i, err.text);
        assert_true(pickle_at(&p, p.root)->u.integer == programs[i].want);
        assert_int_equal(p.used, programs[i].len);
        pickle_drop(&p);
        free(bytes);
    }
}

static void test_containers(void **state)
{
    static const char program[] =
        "\x80\2}q\0(X\1\0\0\0aK\1X\1\0\0\0b](K\2K\3eX\1\0\0\0c(K\4K\5K\6tX\1\0\0\0dh\0U\1eG?\xF8\0\0\0\0\0\0"
        "uU\1fN\x85s.";
    pickle p;
    tri_error err;
    (void)state;
    uint8_t *bytes = start(&p, program, sizeof program - 1);
    if (pickle_run(&p, bytes, sizeof program - 1, &err) != TRI_OK) fail_msg("%s", err.text);
    const pickle_value *dict = pickle_at(&p, p.root);
    assert_int_equal(dict->kind, PICKLE_DICT);
    assert_int_equal(dict->count, 6);
    const pickle_cell *c = pickle_first(&p, dict);
    assert_true(pickle_text_is(pickle_at(&p, c->key), "a"));
    assert_int_equal(pickle_at(&p, c->value)->u.integer, 1);
    c = pickle_next(&p, c);
    const pickle_value *list = pickle_at(&p, c->value);
    assert_int_equal(list->kind, PICKLE_LIST);
    assert_int_equal(pickle_item(&p, list, 1)->u.integer, 3);
    assert_null(pickle_item(&p, list, 2));
    c = pickle_next(&p, c);
    assert_int_equal(pickle_item(&p, pickle_at(&p, c->value), 2)->u.integer, 6);
    c = pickle_next(&p, c);
    assert_ptr_equal(pickle_at(&p, c->value), dict); /* it contains itself: a chain to follow to a fixed depth only */
    c = pickle_next(&p, c);
    assert_true(pickle_at(&p, c->value)->u.real == 1.5);
    c = pickle_next(&p, c);
    assert_int_equal(pickle_item(&p, pickle_at(&p, c->value), 0)->kind, PICKLE_NONE);
    assert_null(pickle_next(&p, c));
    pickle_drop(&p);
    free(bytes);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *words;
    } programs[] = {
        {PROGRAM(""), "no end"},
        {PROGRAM("K\1"), "no end"},
        {PROGRAM("."), "0 values"},
        {PROGRAM("K\1K\2."), "2 values"},
        {PROGRAM("(K\1."), "stops"},
        {PROGRAM("J\1\0"), "middle of an operand"},
        {PROGRAM("X\xFF\xFF\xFF\xFFx"), "middle of an operand"},
        {PROGRAM("\x8A\xFFx"), "middle of an operand"},
        {PROGRAM("cos\nsystem"), "middle of a name"},
        {PROGRAM("cos\nsystem\n."), "\"os.system\""},
        {PROGRAM("cposix\nsystem\n(X\4\0\0\0echotR."), "\"posix.system\""},
        {PROGRAM("c__builtin__\neval\n."), "\"__builtin__.eval\""},
        {PROGRAM("cbuiltins\ngetattr\n."), "\"builtins.getattr\""},
        {PROGRAM("ctorch\nload\n."), "\"torch.load\""},
        {PROGRAM("ccollections\nOrderedDict\0\n."), "collections"},
        {PROGRAM("\x80\4\x8C\2os\x8C\6system\x93."), "\"os.system\""},
        {PROGRAM("\x80\4K\1\x8C\6system\x93."), "not text"},
        {PROGRAM("\x93"), "stack"},
        {PROGRAM("ctorch\nFloatStorage\n)R."), "calls torch.FloatStorage"},
        {PROGRAM("K\1)R."), "not a function"},
        {PROGRAM("ccollections\nOrderedDict\nK\1R."), "without a tuple"},
        {PROGRAM("ccollections\nOrderedDict\n]\x85R."), "Python 2"},
        {PROGRAM("ccollections\nOrderedDict\nRK\1."), "stack"},
        {PROGRAM("}}b."), "not an OrderedDict"},
        {PROGRAM("ctorch\nSize\n)R}b."), "not an OrderedDict"},
        {PROGRAM("}(K\1u."), "key without a value"},
        {PROGRAM("](K\1u."), "not a dict"},
        {PROGRAM("}(K\1e."), "not a list"},
        {PROGRAM("(u."), "not a dict"},
        {PROGRAM("}(((u."), "not a dict"},
        {PROGRAM("}K\1s."), "stack"},
        {PROGRAM("t."), "mark"},
        {PROGRAM("K\1(\x85."), "stack"},
        {PROGRAM("q\0."), "stack"},
        {PROGRAM("h\0."), "memo slot 0"},
        {PROGRAM("Nq\1h\2."), "memo slot 2"},
        {PROGRAM("Nr\xFF\xFF\xFF\xFF."), "memo slot"},
        {PROGRAM("j\xFF\xFF\xFF\xFF."), "memo slot"},
        {PROGRAM("\x80\1N."), "protocol 1"},
        {PROGRAM("\x80\6N."), "protocol 6"},
        {PROGRAM("\x95\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFN."), "frame"},
        {PROGRAM("Q."), "stack"},
        {PROGRAM("\xFF."), "0xff at byte 0"},
        {PROGRAM("I1\n."), "0x49"},          /* INT: not in the table */
        {PROGRAM("N0N."), "0x30"},           /* POP */
        {PROGRAM("ios\nsystem\n."), "0x69"}, /* INST */
        {PROGRAM("(os\n."), "0x6f"},         /* OBJ */
        {PROGRAM("\x82\1."), "0x82"},        /* EXT1 */
        {PROGRAM("Pname\n."), "0x50"},       /* PERSID */
        {PROGRAM("B\1\0\0\0x."), "0x42"},    /* BINBYTES */
    };
    uint64_t live = mem_live();
    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        pickle p;
        tri_error err = {0};
        uint8_t *bytes = start(&p, programs[i].bytes, programs[i].len);
        if (pickle_run(&p, bytes, programs[i].len, &err) == TRI_OK) fail_msg("program %zu ran", i);
        assert_says(&err, programs[i].words);
        pickle_drop(&p);
        free(bytes);
    }
    assert_int_equal(mem_live(), live);
}

static void test_every_symbol_is_known(void **state)
{
    static const char *const rows[][2] = {
#define PICKLE_X(id, module, name, callable) {module, name},
        PICKLE_SYMBOL_MAP(PICKLE_X)
#undef PICKLE_X
    };
    (void)state;
    for (uint16_t i = 0; i < PICKLE_SYMBOLS; i++) {
        char program[128], full[128];
        pickle p;
        int len = snprintf(program, sizeof program, "c%s\n%s\n.", rows[i][0], rows[i][1]);
        uint8_t *bytes = start(&p, program, (size_t)len);
        assert_ok(pickle_run(&p, bytes, (size_t)len, NULL));
        assert_int_equal(pickle_at(&p, p.root)->kind, PICKLE_SYMBOL);
        assert_int_equal(pickle_at(&p, p.root)->symbol, i);
        snprintf(full, sizeof full, "%s.%s", rows[i][0], rows[i][1]);
        assert_string_equal(pickle_symbol_name(i), full);
        pickle_drop(&p);
        free(bytes);
    }
}

static void test_bounds(void **state)
{
    enum { TOO_MANY = LIMIT_PICKLE_STACK + 1 };
    static const struct {
        const char *unit;
        size_t len;
    } floods[] = {{"N", 1}, {"(", 1}, {"]", 1}, {"Nq\0h\0", 5}, {"\x94", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        size_t len = floods[i].len * TOO_MANY + 1;
        uint8_t *bytes = malloc(len);
        pickle p;
        tri_error err;
        bytes[0] = 'N';
        for (size_t k = 0; k < TOO_MANY; k++) memcpy(bytes + 1 + k * floods[i].len, floods[i].unit, floods[i].len);
        pickle_init(&p);
        tri_status st = pickle_run(&p, bytes, len, &err);
        assert_int_equal(st, TRI_ERR_LIMIT);
        pickle_drop(&p);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_containers),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_every_symbol_is_known),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

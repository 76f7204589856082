/* SPDX-License-Identifier: Apache-2.0 */
/* test_spm_model.c — protobuf fields of every wire type, the defaults, and damaged messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/spm_model.h"

static tri_status parse(const char *bytes, size_t len, spm_model *m)
{
    tri_error err;
    return spm_model_parse((const uint8_t *)bytes, len, "test.model", m, &err);
}
#define PARSE(bytes, m) parse(bytes, sizeof(bytes) - 1, m)

/* "ab" of score -1.5; "c" of type 4 without a score */
#define PIECES                                                                                                                 \
    "\x0A\x09\x0A\x02"                                                                                                         \
    "ab\x15\x00\x00\xC0\xBF"                                                                                                   \
    "\x0A\x05\x0A\x01"                                                                                                         \
    "c\x18\x04"

static void pieces(void **state)
{
    (void)state;
    spm_model m;
    assert_int_equal(PARSE(PIECES, &m), TRI_OK);
    assert_int_equal(m.n_pieces, 2);
    assert_int_equal(m.pieces[0].len, 2);
    assert_memory_equal(m.pieces[0].text, "ab", 2);
    assert_true(m.pieces[0].score == -1.5f);
    assert_int_equal(m.pieces[0].type, SPM_NORMAL);
    assert_int_equal(m.pieces[1].type, SPM_USER_DEFINED);
    assert_true(m.pieces[1].score == 0);
    assert_int_equal(m.model_type, SPM_UNIGRAM);
    assert_null(m.charsmap);
    spm_model_drop(&m);
}

static void specs(void **state)
{
    (void)state;
    spm_model m;
    /* trainer: model_type 2, byte_fallback, unk_id 5; normalizer: name, charsmap; unknown fields of all wire types around */
    assert_int_equal(PARSE("\x12\x08\x18\x02\x98\x02\x01\xC0\x02\x05"
                           "\x1A\x09\x0A\x02nf\x12\x03xyz"
                           "\x48\x96\x01\x51\x01\x02\x03\x04\x05\x06\x07\x08\x5D\x01\x02\x03\x04\x62\x01q",
                           &m),
                     TRI_OK);
    assert_int_equal(m.model_type, SPM_BPE);
    assert_true(m.byte_fallback);
    assert_int_equal(m.unk_id, 5);
    assert_int_equal(m.charsmap_len, 3);
    assert_memory_equal(m.charsmap, "xyz", 3);
    assert_int_equal(m.n_pieces, 0);
    spm_model_drop(&m);
}

static void empty(void **state)
{
    (void)state;
    spm_model m;
    assert_int_equal(PARSE("", &m), TRI_OK);
    assert_int_equal(m.n_pieces, 0);
    spm_model_drop(&m);
}

static void damaged(void **state)
{
    (void)state;
    spm_model m;
    for (size_t len = 1; len < sizeof PIECES - 1; len++)
        if (len != 11) assert_int_equal(parse(PIECES, len, &m), TRI_ERR_FORMAT); /* 11: whole first piece */
    assert_int_equal(PARSE("\x0A\x02\x0A\x05", &m), TRI_ERR_FORMAT);             /* inner length past the piece */
    assert_int_equal(PARSE("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", &m), TRI_ERR_FORMAT);     /* length 2^64 - 1 */
    assert_int_equal(PARSE("\x0B", &m), TRI_ERR_FORMAT);                                             /* a group */
    assert_int_equal(PARSE("\x00\x00", &m), TRI_ERR_FORMAT);                                         /* field number 0 */
    assert_int_equal(PARSE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", &m), TRI_ERR_FORMAT); /* endless varint */
    assert_int_equal(PARSE("\x0A\x04\x0A\x02\xC3\x28", &m), TRI_ERR_FORMAT);                         /* not UTF-8 */
    assert_int_equal(PARSE("\x0A\x05\x15\x00\x00\xC0\x7F", &m), TRI_ERR_FORMAT);                     /* score not a number */
    assert_int_equal(PARSE("\x0A\x02\x18\x07", &m), TRI_ERR_FORMAT);                                 /* type 7 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces), cmocka_unit_test(specs), cmocka_unit_test(empty),
                                       cmocka_unit_test(damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

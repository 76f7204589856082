/* SPDX-License-Identifier: Apache-2.0 */
/* test_packed_file.c — what is written is read back; every damaged byte of header and directory, every cut and every number
 * that points elsewhere is refused; a damaged blob is found by verifying; each write and allocation may fail. */
#include "fixture.h"

#include <glob.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"
#include "formats/le.h"
#include "formats/packed_file.h"

enum { N_BLOBS = 4, HEADER = 64 };

static const char *const names[N_BLOBS] = {"multi:weight+1", ":a.query.weight+3", ":a.key+1", ":a.key"};
static const size_t sizes[N_BLOBS] = {1, 4096, 5000, 100000};
static const uint8_t identity[HASH128_BYTES] = {1, 2, 3};
static const packed_source sources[2] = {{{"model.safetensors", 17}, {123, 456}}, {{"2_Dense/model.safetensors", 25}, {7, -8}}};
static uint8_t *blobs[N_BLOBS];

static tri_status write_file(const char *path, tri_error *err)
{
    packed_writer *w;
    uint64_t bytes;
    TRI_TRY(packed_writer_open(path, &w, err));
    for (size_t i = 0; i < N_BLOBS; i++) {
        packed_entry e = {.name = {names[i], strlen(names[i])},
                          .precision = (uint32_t)i,
                          .flags = i & 1,
                          .n = 10 + i,
                          .k = 20 + i,
                          .blob = blobs[i],
                          .bytes = sizes[i]};
        tri_status st = packed_writer_add(w, &e, err);
        if (st) {
            packed_writer_discard(w);
            return st;
        }
    }
    return packed_writer_finish(w, "{\"precision\": \"f32\"}", sources, 2, identity, &bytes, err);
}

static uint8_t *read_bytes(const char *path, size_t *len)
{
    buf b;
    buf_init(&b, 0);
    assert_int_equal(file_read_all(path, 1 << 20, &b, NULL), TRI_OK);
    uint8_t *copy = mem_copy(b.data, b.len);
    *len = b.len;
    buf_drop(&b);
    return copy;
}

static void check_entries(const packed_file *f)
{
    assert_int_equal(f->n_entries, N_BLOBS);
    for (size_t i = 0; i < N_BLOBS; i++) {
        packed_entry e;
        assert_true(packed_file_find(f, names[i], &e));
        assert_int_equal(e.precision, i);
        assert_int_equal(e.flags, i & 1);
        assert_int_equal(e.n, 10 + i);
        assert_int_equal(e.k, 20 + i);
        assert_int_equal(e.bytes, sizes[i]);
        assert_int_equal((uintptr_t)e.blob % PACKED_PAGE, 0);
        assert_memory_equal(e.blob, blobs[i], sizes[i]);
        assert_int_equal(e.hash, hash64(blobs[i], sizes[i]));
    }
    packed_entry none;
    assert_false(packed_file_find(f, "", &none));
    assert_false(packed_file_find(f, ":a.ke", &none));
    assert_false(packed_file_find(f, "zzz", &none));
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    const char *path = scratch_path("a.packed"), *again = scratch_path("b.packed");
    packed_file f;
    tri_error err = {0};
    size_t len[2];
    uint64_t live = mem_live();
    assert_int_equal(write_file(path, &err), TRI_OK);
    assert_int_equal(packed_file_open(path, &f, &err), TRI_OK);
    check_entries(&f);
    assert_int_equal(packed_file_verify(&f, NULL, NULL, &err), TRI_OK);
    assert_int_equal(f.n_sources, 2);
    assert_int_equal(packed_file_source(&f, 1).stamp.mtime_ns, -8);
    assert_memory_equal(packed_file_source(&f, 1).name.bytes, "2_Dense/model.safetensors", 25);
    assert_memory_equal(f.identity, identity, sizeof identity);
    assert_int_equal(f.recipe.len, 20);
    processor_nodes two = {.n = 2, .of = {0, 1}, .allowed = {true, true}};
    assert_int_equal(packed_file_make_private(&f, &two, &err), TRI_OK);
    check_entries(&f);
    assert_int_equal(f.map.n_copies, 2);
    assert_memory_equal(f.map.data, f.map.data + f.map.step, f.map.len);
    mapped_file_wont_need(&f.map, 0, f.map.len); /* must not empty a private copy */
    check_entries(&f);
    packed_file_close(&f);
    assert_int_equal(write_file(again, &err), TRI_OK);
    uint8_t *a = read_bytes(path, &len[0]), *b = read_bytes(again, &len[1]);
    assert_int_equal(len[0], len[1]);
    assert_memory_equal(a, b, len[0]);
    mem_free(a);
    mem_free(b);
    assert_int_equal(mem_live(), live);
}

static void test_damage_is_found(void **state)
{
    (void)state;
    size_t len;
    packed_file f;
    tri_error err = {0};
    assert_int_equal(write_file(scratch_path("a.packed"), &err), TRI_OK);
    uint8_t *bytes = read_bytes(scratch_path("a.packed"), &len);
    size_t directory = le_u64(bytes + 24);
    for (size_t at = 0; at < len; at = at + 1 == HEADER ? directory : at + 1) {
        bytes[at] ^= 0x10;
        assert_int_not_equal(packed_file_parse(bytes, len, &f, &err), TRI_OK);
        bytes[at] ^= 0x10;
    }
    for (size_t cut = 0; cut < len; cut += cut < 200 || cut + 1000 > len ? 1 : 997)
        assert_int_not_equal(packed_file_parse(bytes, cut, &f, &err), TRI_OK);
    assert_int_equal(packed_file_parse(bytes, len, &f, &err), TRI_OK);
    packed_entry e;
    assert_true(packed_file_find(&f, ":a.key", &e));
    bytes[(const uint8_t *)e.blob - bytes + 70000] ^= 1;
    assert_int_equal(packed_file_parse(bytes, len, &f, &err), TRI_OK); /* opening does not read blobs */
    assert_int_equal(packed_file_verify(&f, NULL, NULL, &err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "\":a.key\""));
    mem_free(bytes);
}

static void sign(uint8_t *bytes, size_t len)
{
    size_t at = le_u64(bytes + 24);
    le_put_u64(bytes + 40, hash64(bytes + at, len - at));
    le_put_u64(bytes + 48, hash64(bytes, 48));
}

/* Numbers that lie, under checksums that hold. */
static void test_lying_numbers_are_refused(void **state)
{
    (void)state;
    size_t len;
    tri_error err = {0};
    assert_int_equal(write_file(scratch_path("a.packed"), &err), TRI_OK);
    uint8_t *good = read_bytes(scratch_path("a.packed"), &len), *bytes = mem_alloc(len);
    size_t d = le_u64(good + 24), source = d + 32, entry = source + 2 * 24, names_at = len - 25;
    const struct {
        size_t at, width;
        uint64_t value;
    } lies[] = {
        {d, 4, 0xFFFFFFFF},
        {d, 4, 3},
        {d + 4, 4, 0xFFFFFFFF},
        {d + 4, 4, 5},
        {d + 8, 4, 0xFFFFFFFF},
        {d + 12, 4, 0xFFFFFFFF},
        {source, 4, 1 << 30},
        {source + 4, 4, 0},
        {source + 4, 4, 5000},
        {entry, 4, 0xFFFFFFFF},
        {entry + 4, 4, 0},
        {entry + 32, 8, 0},
        {entry + 32, 8, 4097},
        {entry + 32, 8, 1ull << 40},
        {entry + 32, 8, ~0ull << 12},
        {entry + 40, 8, 0},
        {entry + 40, 8, ~0ull},
        {entry + 40, 8, len},
        {entry + 64, 4, 0},
        {names_at, 1, 0},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        packed_file f;
        uint8_t value[8];
        memcpy(bytes, good, len);
        le_put_u64(value, lies[i].value);
        memcpy(bytes + lies[i].at, value, lies[i].width);
        sign(bytes, len);
        if (packed_file_parse(bytes, len, &f, &err) == TRI_OK) fail_msg("lie %zu was believed", i);
    }
    const char *const outside[] = {"/del.safetensors",  "../el.safetensors", "m//el.safetensors",
                                   "mo/../safetensors", "model.safetenso/.", "model.safetensor/"};
    size_t text = entry + N_BLOBS * 64 + 20; /* names follow the recipe */
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        packed_file f;
        memcpy(bytes, good, len);
        assert_memory_equal(bytes + text, "model.safetensors", 17);
        memcpy(bytes + text, outside[i], 17);
        sign(bytes, len);
        if (packed_file_parse(bytes, len, &f, &err) == TRI_OK) fail_msg("source %s was believed", outside[i]);
    }
    mem_free(good);
    mem_free(bytes);
}

static void test_other_files_are_told_apart(void **state)
{
    (void)state;
    packed_file f;
    tri_error err = {0};
    assert_int_equal(packed_file_open(scratch_path("none"), &f, &err), TRI_ERR_NOT_FOUND);
    assert_int_equal(packed_file_open(scratch_write("empty", "", 0), &f, &err), TRI_ERR_FORMAT);
    assert_int_equal(packed_file_open(scratch_write("text", "hello", 5), &f, &err), TRI_ERR_FORMAT);
    assert_non_null(strstr(err.text, "text: it is not a packed weight file"));
    size_t len;
    assert_int_equal(write_file(scratch_path("a.packed"), &err), TRI_OK);
    uint8_t *bytes = read_bytes(scratch_path("a.packed"), &len);
    bytes[8] = 2;
    assert_int_equal(packed_file_open(scratch_write("new", bytes, len), &f, &err), TRI_ERR_UNSUPPORTED);
    packed_file_close(&f);
    mem_free(bytes);
}

static void test_a_writer_refuses_what_a_reader_would(void **state)
{
    (void)state;
    packed_writer *w;
    tri_error err = {0};
    uint64_t bytes, live = mem_live();
    packed_entry e = {.name = {"a", 1}, .blob = "x", .bytes = 1};
    assert_int_equal(packed_writer_open(scratch_path("c.packed"), &w, &err), TRI_OK);
    assert_int_equal(packed_writer_add(w, &e, &err), TRI_OK);
    assert_int_equal(packed_writer_add(w, &e, &err), TRI_ERR_ARGUMENT);
    e.name.len = 0;
    assert_int_equal(packed_writer_add(w, &e, &err), TRI_ERR_LIMIT);
    const packed_source out = {{"/etc/passwd", 11}, {0, 0}};
    assert_int_equal(packed_writer_finish(w, "{}", &out, 1, identity, &bytes, &err), TRI_ERR_ARGUMENT);
    assert_false(file_exists(scratch_path("c.packed")));
    assert_int_equal(mem_live(), live);
}

static void test_every_write_and_allocation_may_fail(void **state)
{
    (void)state;
    const fault_kind kinds[] = {FAULT_ALLOC, FAULT_WRITE, FAULT_READ};
    uint64_t live = mem_live();
    for (size_t kind = 0; kind < 3; kind++) {
        for (uint64_t nth = 1; nth < 1000; nth++) {
            packed_file f = {0};
            tri_error err = {0};
            const char *path = scratch_path("d.packed");
            fault_arm(kinds[kind], nth, false);
            tri_status st = write_file(path, &err);
            if (!st) st = packed_file_open(path, &f, &err);
            if (!st) st = packed_file_verify(&f, NULL, NULL, &err);
            if (!st) st = packed_file_make_private(&f, NULL, &err);
            bool reached = fault_seen(kinds[kind]) >= nth;
            fault_arm(kinds[kind], 0, false);
            if (st) assert_true(err.text[0] != 0);
            if (!st) check_entries(&f);
            packed_file_close(&f);
            assert_int_equal(mem_live(), live);
            glob_t found;
            assert_int_equal(glob(path_of("%s/*.tmp.*", scratch_folder()), 0, NULL, &found), GLOB_NOMATCH);
            file_remove(path, NULL);
            if (!reached) break;
        }
    }
}

static void test_hashes_and_stamps(void **state)
{
    (void)state;
    /* XXH3-128 of nothing, as xxhsum -H2 prints it */
    static const uint8_t nothing[HASH128_BYTES] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                                   0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
    uint8_t out[HASH128_BYTES];
    file_stamp stamp;
    hash128_stream *h = hash128_new();
    hash128_digest(h, out);
    hash128_free(h);
    assert_memory_equal(out, nothing, sizeof out);
    assert_int_equal(file_stamp_get(scratch_write("five", "hello", 5), &stamp, NULL), TRI_OK);
    assert_int_equal(stamp.bytes, 5);
    assert_true(stamp.mtime_ns > 1600000000000000000);
    assert_int_equal(file_stamp_get(scratch_path("nothing here"), &stamp, NULL), TRI_ERR_NOT_FOUND);
}

static int make_blobs(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_BLOBS; i++) {
        blobs[i] = malloc(sizes[i]);
        for (size_t j = 0; j < sizes[i]; j++) blobs[i][j] = (uint8_t)(i * 7 + j * j / 3);
    }
    return 0;
}

static int drop_blobs(void **state)
{
    for (size_t i = 0; i < N_BLOBS; i++) free(blobs[i]);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_lying_numbers_are_refused),
        cmocka_unit_test(test_other_files_are_told_apart),
        cmocka_unit_test(test_a_writer_refuses_what_a_reader_would),
        cmocka_unit_test(test_every_write_and_allocation_may_fail),
        cmocka_unit_test(test_hashes_and_stamps),
    };
    return cmocka_run_group_tests(tests, make_blobs, drop_blobs);
}

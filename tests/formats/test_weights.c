/* SPDX-License-Identifier: Apache-2.0 */
/* test_weights.c — every valid form gives the same numbers, every damaged file is refused by name, and whatever fails, nothing
 * leaks. The golden folders say in README.md what each of them is. */
#include "fixture.h"

#include <sys/resource.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "formats/json.h"
#include "formats/weights.h"

static float *values_of(const weight *t, size_t *n)
{
    *n = t->bytes / dtype_size(t->type);
    float *out = malloc((*n + 1) * sizeof *out);
    assert_non_null(out);
    dtype_to_f32(out, t->data, t->type, *n);
    return out;
}

static void assert_same_tensor(const weight *a, const weight *b)
{
    size_t n_a, n_b;
    assert_int_equal(a->rank, b->rank);
    for (int d = 0; d < a->rank; d++) assert_int_equal(a->shape[d], b->shape[d]);
    float *x = values_of(a, &n_a), *y = values_of(b, &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(x, y, n_a * sizeof *x);
    free(x);
    free(y);
}

static void assert_holds_all_of(const weights *w, const weights *reference)
{
    for (size_t i = 0; i < weights_count(reference); i++) {
        const weight *want = weights_at(reference, i), *got = weights_find(w, want->name);
        if (!got) fail_msg("tensor %s is absent", want->name);
        assert_same_tensor(got, want);
    }
}

static void check_variants(const char *root)
{
    static const struct {
        const char *dir;
        size_t files, extra; /* tensors that plain has not */
    } variants[] = {{"st-extra-tensors", 1, 4}, {"st-unaligned-header", 1, 0}, {"st-sharded", 2, 0},     {"bin-sharded", 2, 0},
                    {"bin-legacy", 1, 0},       {"bin-wrapped", 1, 0},         {"bin-parameters", 1, 0}, {"bin-views", 1, 0},
                    {"bin-protocol4", 1, 0},    {"bin-float64", 1, 0}};
    tri_error err;
    weights *plain;
    const char *path = path_of("%s/plain", root);
    assert_ok(weights_open_dir(path, &plain, &err));
    assert_true(weights_count(plain) > 10);
    assert_true(weights_bytes(plain) > 0);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        weights *w;
        path = path_of("%s/%s", root, variants[i].dir);
        if (weights_open_dir(path, &w, &err) != TRI_OK) fail_msg("%s", err.text);
        assert_holds_all_of(w, plain);
        assert_int_equal(weights_files(w), variants[i].files);
        if (weights_count(w) != weights_count(plain) + variants[i].extra)
            fail_msg("%s: %zu tensors, plain has %zu", variants[i].dir, weights_count(w), weights_count(plain));
        weights_close(w);
    }
    weights_close(plain);
}

static void check_heads(const char *root)
{
    static const char *const names[] = {"sparse_linear.pt", "colbert_linear.pt"};
    for (size_t i = 0; i < 2; i++) {
        weights *half, *single;
        const char *path = path_of("%s/plain/%s", root, names[i]);
        assert_ok(weights_open_file(path, &half, NULL));
        path = path_of("%s/heads-float32/%s", root, names[i]);
        assert_ok(weights_open_file(path, &single, NULL));
        assert_int_equal(weights_find(half, "weight")->type, DTYPE_F16);
        assert_string_equal(weights_find(half, "weight")->type_name, "torch.HalfStorage");
        assert_int_equal(weights_find(single, "weight")->type, DTYPE_F32);
        assert_holds_all_of(half, single);
        weights_close(half);
        weights_close(single);
    }
}

static void test_all_forms_agree(void **state)
{
    (void)state;
    uint64_t live = mem_live();
    check_variants(GOLDEN);
    check_heads(GOLDEN);
    assert_int_equal(mem_live(), live);
}

static void test_shared_forms_agree(void **state)
{
    (void)state;
    if (!shared_folder()) skip();
    const char *path = path_of("%s/golden/models/formats", shared_folder());
    check_variants(path);
    check_heads(path);
}

static void test_shared_heads_load(void **state)
{
    static const struct {
        const char *file;
        const char *shape;
    } heads[] = {{"colbert_linear.pt", "[384,384]"}, {"sparse_linear.pt", "[1,384]"}};
    (void)state;
    if (!shared_folder()) skip();
    for (size_t i = 0; i < 2; i++) {
        char shape[128];
        tri_error err;
        weights *w;
        const char *path = path_of("%s/models/small-m3/%s", shared_folder(), heads[i].file);
        if (access(path, R_OK) != 0) skip();
        if (weights_open_file(path, &w, &err) != TRI_OK) fail_msg("%s", err.text);
        assert_string_equal(weight_shape_text(weights_find(w, "weight"), shape), heads[i].shape);
        assert_non_null(weights_find(w, "bias"));
        weights_close(w);
    }
}

static void test_bad_heads_are_refused(void **state)
{
    static const struct {
        const char *dir, *words[3];
    } bad[] = {{"18-pt-os-system", {"os.system"}},
               {"19-pt-storage-size", {"tensor \"weight\"", "4096"}},
               {"20-pt-stride-outside", {"\"weight\""}},
               {"21-pt-negative-offset", {"\"weight\"", "-4"}},
               {"22-pt-size-overflow", {"\"weight\""}},
               {"23-pt-compressed", {"compressed"}},
               {"24-pt-big-endian", {"byteorder", "big"}},
               {"25-pt-no-pickle", {"data.pkl"}},
               {"26-pt-missing-member", {"data/0"}},
               {"27-pt-bad-memo", {"memo slot 99"}},
               {"28-pt-bad-opcode", {"0xff"}},
               {"29-pt-stack-underflow", {"pickle"}},
               {"30-pt-no-end-record", {"no end record"}},
               {"31-pt-directory-outside", {"directory"}}};
    uint64_t live = mem_live();
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tri_error err;
        weights *w;
        const char *path = path_of("%s/bad/%s/sparse_linear.pt", GOLDEN, bad[i].dir);
        if (weights_open_file(path, &w, &err) == TRI_OK) fail_msg("%s was read", path);
        assert_null(w);
        assert_says(&err, path);
        for (size_t k = 0; k < 3 && bad[i].words[k]; k++) assert_says(&err, bad[i].words[k]);
    }
    assert_int_equal(mem_live(), live);
}

/* Cases whose damage shows only beside a config, or in the numbers: the file itself is sound. */
static bool is_sound_file(const char *dir)
{
    static const char *const sound[] = {"08-st-unknown-dtype", "09-st-missing-tensor", "10-st-wrong-shape", "16-st-nan",
                                        "17-st-inf",           "48-heads-wrong-shape", "49-heads-no-bias",  "50-heads-nan"};
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        if (strcmp(dir, sound[i]) == 0) return true;
    return false;
}

static bool is_weight_file(const char *file)
{
    return strstr(file, ".safetensors") || strstr(file, ".pt");
}

static void check_bad_case(const char *root, const json_t *item)
{
    const char *dir = json_string_value(json_object_get(item, "dir")), *file = json_string_value(json_object_get(item, "file"));
    tri_error err;
    weights *w;
    size_t i;
    json_t *word;
    if (!dir || !file || !is_weight_file(file)) return;
    const char *folder = path_of("%s/%s", root, dir);
    const char *path = path_of("%s/%s", folder, file);
    tri_status st = strstr(file, ".pt") ? weights_open_file(path, &w, &err) : weights_open_dir(folder, &w, &err);
    if (is_sound_file(dir)) {
        if (st != TRI_OK) fail_msg("%s: %s", dir, err.text);
        if (strstr(dir, "unknown-dtype")) {
            const weight *odd = weights_find(w, "encoder.layer.0.attention.self.query.weight");
            assert_int_equal(odd->type, DTYPE_OTHER);
            assert_string_equal(odd->type_name, "F7");
        }
        weights_close(w);
        return;
    }
    if (st == TRI_OK) fail_msg("%s was read", path);
    json_array_foreach(json_object_get(item, "error_must_name"), i, word) assert_says(&err, json_string_value(word));
    print_message("  %s: %s\n", dir, err.text + strlen(root));
}

static void test_shared_bad_files_are_refused(void **state)
{
    json_t *list;
    size_t i;
    json_t *item;
    uint64_t live = mem_live();
    (void)state;
    if (!shared_folder()) skip();
    const char *root = path_of("%s/golden/models/bad", shared_folder());
    const char *path = path_of("%s/case.json", root);
    assert_ok(json_file_load(path, &list, NULL));
    json_array_foreach(json_object_get(list, "items"), i, item) check_bad_case(root, item);
    assert_true(i > 40);
    json_decref(list);
    assert_int_equal(mem_live(), live);
}

/* --- folders ------------------------------------------------------------------------------------------------------------ */

static void copy_golden(const char *from, const char *to)
{
    const char *command = path_of("mkdir -p \"$(dirname '%s/%s')\" && cp '%s/%s' '%s/%s'", scratch_folder(), to, GOLDEN, from,
                                  scratch_folder(), to);
    assert_int_equal(system(command), 0);
}

static void test_order_of_choice(void **state)
{
    static const char *const order[][2] = {{"bin-sharded/pytorch_model.bin.index.json", "choice/pytorch_model.bin.index.json"},
                                           {"bin-wrapped/pytorch_model.bin", "choice/pytorch_model.bin"},
                                           {"st-sharded/model.safetensors.index.json", "choice/model.safetensors.index.json"},
                                           {"plain/model.safetensors", "choice/model.safetensors"}};
    static const char *const first_file[] = {"pytorch_model-00001-of-00002.bin", "pytorch_model.bin",
                                             "model-00001-of-00002.safetensors", "model.safetensors"};
    (void)state;
    copy_golden("bin-sharded/pytorch_model-00001-of-00002.bin", "choice/pytorch_model-00001-of-00002.bin");
    copy_golden("bin-sharded/pytorch_model-00002-of-00002.bin", "choice/pytorch_model-00002-of-00002.bin");
    copy_golden("st-sharded/model-00001-of-00002.safetensors", "choice/model-00001-of-00002.safetensors");
    copy_golden("st-sharded/model-00002-of-00002.safetensors", "choice/model-00002-of-00002.safetensors");
    for (size_t i = 0; i < 4; i++) {
        weights *w;
        tri_error err;
        copy_golden(order[i][0], order[i][1]);
        if (weights_open_dir(scratch_path("choice"), &w, &err) != TRI_OK) fail_msg("%s", err.text);
        bool found = false;
        for (size_t f = 0; f < weights_files(w); f++) found = found || strstr(weights_file(w, f), first_file[i]);
        if (!found) fail_msg("%s was not chosen", first_file[i]);
        weights_close(w);
    }
}

static void test_absent_weights_name_the_folder(void **state)
{
    weights *w;
    tri_error err;
    (void)state;
    assert_int_equal(weights_open_dir("no/such/folder", &w, &err), TRI_ERR_NOT_FOUND);
    assert_says(&err, "no/such/folder");
    assert_says(&err, "model.safetensors.index.json");
    assert_says(&err, "pytorch_model.bin.index.json");
    assert_int_equal(weights_open_file("no/such/sparse_linear.pt", &w, &err), TRI_ERR_NOT_FOUND);
    assert_says(&err, "no/such/sparse_linear.pt");
}

static void test_bad_indexes(void **state)
{
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "../x.safetensors"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "/etc/passwd"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "\"..\""},
        {"{\"weight_map\":{\"a\":\"\"}}", "plain file name"},
        {"{\"weight_map\":{\"a\":\"x\\u0000.safetensors\"}}", "not a file name"},
        {"{\"weight_map\":{\"a\":7}}", "tensor \"a\""},
        {"{\"weight_map\":{}}", "weight_map"},
        {"{\"weight_map\":[]}", "weight_map"},
        {"[]", "weight_map"},
        {"{}", "weight_map"},
        {"{\"weight_map\":", "line 1"},
        {"{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}", "duplicate"},
        {"{\"weight_map\":{\"a\":\"model-00003-of-00003.safetensors\"}}", "model-00003-of-00003.safetensors"},
        {"{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\"}}", "tensor \"a\" is not in shard"},
        {"{\"weight_map\":{\"pooler.dense.weight\":\"model-00002-of-00002.safetensors\","
         "\"embeddings.word_embeddings.weight\":\"model-00002-of-00002.safetensors\","
         "\"embeddings.LayerNorm.bias\":\"model-00002-of-00002.safetensors\"}}",
         "is not in shard"},
    };
    (void)state;
    copy_golden("st-sharded/model-00001-of-00002.safetensors", "index/model-00001-of-00002.safetensors");
    copy_golden("st-sharded/model-00002-of-00002.safetensors", "index/model-00002-of-00002.safetensors");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        weights *w;
        tri_error err;
        scratch_write("index/model.safetensors.index.json", bad[i].text, strlen(bad[i].text));
        if (weights_open_dir(scratch_path("index"), &w, &err) == TRI_OK) fail_msg("read: %s", bad[i].text);
        assert_says(&err, "model.safetensors.index.json");
        assert_says(&err, bad[i].words);
    }
}

/* Two shards of 1 GiB, holes on the disk: to open them is to read two headers, so the process must not grow by their size. */
static void test_opening_reads_no_data(void **state)
{
    static const char index[] = "{\"weight_map\":{\"t0\":\"0.st\",\"t1\":\"1.st\"}}";
    enum { GIB = 1 << 30, SLACK_KIB = 64 << 10 };
    struct rusage before, after;
    weights *w;
    tri_error err;
    (void)state;
    assert_int_equal(mkdir(scratch_path("big"), 0700), 0);
    for (int shard = 0; shard < 2; shard++) {
        char text[96], bytes[128] = {0};
        int len = snprintf(text, sizeof text, "{\"t%d\":{\"dtype\":\"F32\",\"shape\":[262144,1024],\"data_offsets\":[0,%d]}}",
                           shard, GIB);
        bytes[0] = (char)len;
        memcpy(bytes + 8, text, (size_t)len);
        const char *path = scratch_write(shard ? "big/1.st" : "big/0.st", bytes, (size_t)len + 8);
        assert_int_equal(truncate(path, (off_t)len + 8 + GIB), 0);
    }
    scratch_write("big/model.safetensors.index.json", index, sizeof index - 1);
    getrusage(RUSAGE_SELF, &before);
    if (weights_open_dir(scratch_path("big"), &w, &err) != TRI_OK) fail_msg("%s", err.text);
    getrusage(RUSAGE_SELF, &after);
    assert_true(weights_bytes(w) == UINT64_C(2) * GIB);
    assert_true(after.ru_maxrss - before.ru_maxrss < SLACK_KIB);
    weights_close(w);
}

static void test_two_shards_with_one_tensor(void **state)
{
    static const char index[] = "{\"weight_map\":{\"pooler.dense.weight\":\"a\",\"pooler.dense.bias\":\"b\"}}";
    weights *w;
    tri_error err;
    (void)state;
    copy_golden("plain/model.safetensors", "twice/a");
    copy_golden("plain/model.safetensors", "twice/b");
    scratch_write("twice/model.safetensors.index.json", index, sizeof index - 1);
    assert_int_equal(weights_open_dir(scratch_path("twice"), &w, &err), TRI_ERR_FORMAT);
    assert_says(&err, "twice");
}

static void test_impostors(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *words;
    } files[] = {
        {"", 0, "empty"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", 56, "Git LFS"},
        {"<!DOCTYPE html><html></html>", 28, "web page"},
        {"GGUF\3\0\0\0\0\0\0\0\0\0\0\0", 16, "past the end"},
        {"\x80\x02}q\0.", 6, "bare pickle"},
        {"{\"a\":1}", 7, "too few"},
        {"{\"a\": 1234567}", 14, "header"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        weights *w;
        tri_error err;
        const char *path = scratch_write("model.safetensors", files[i].bytes, files[i].len);
        assert_int_not_equal(weights_open_file(path, &w, &err), TRI_OK);
        assert_says(&err, "model.safetensors");
        assert_says(&err, files[i].words);
    }
    char tar[512] = "sys_info";
    weights *w;
    tri_error err;
    memcpy(tar + 257, "ustar", 6);
    assert_int_equal(weights_open_file(scratch_write("old.bin", tar, sizeof tar), &w, &err), TRI_ERR_UNSUPPORTED);
    assert_says(&err, "tar archive");
    assert_int_equal(weights_open_file(scratch_folder(), &w, &err), TRI_ERR_IO);
}

/* --- faults ------------------------------------------------------------------------------------------------------------- */

static void fail_each(const char *dir, fault_kind kind)
{
    uint64_t live = mem_live();
    for (uint64_t n = 1;; n++) {
        weights *w;
        tri_error err = {0};
        fault_arm(kind, n, false);
        tri_status st = weights_open_dir(dir, &w, &err);
        bool past = fault_seen(kind) < n;
        fault_arm(kind, 0, false);
        if (past) {
            assert_int_equal(st, TRI_OK);
            weights_close(w);
            assert_true(n > 1);
            break;
        }
        if (st == TRI_OK) fail_msg("%s: failure %llu of kind %d went unseen", dir, (unsigned long long)n, kind);
        if (kind == FAULT_ALLOC && st != TRI_ERR_MEMORY)
            fail_msg("%s: allocation %llu: %s", dir, (unsigned long long)n, err.text);
        assert_null(w);
        assert_true(err.text[0] != 0);
        if (mem_live() != live) fail_msg("%s: failure %llu of kind %d leaks", dir, (unsigned long long)n, kind);
    }
    assert_int_equal(mem_live(), live);
}

static void test_each_failure_is_clean(void **state)
{
    static const char *const dirs[] = {"plain",         "st-sharded", "bin-sharded",   "bin-legacy",
                                       "bin-protocol4", "bin-views",  "bin-parameters"};
    (void)state;
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        const char *path = path_of("%s/%s", GOLDEN, dirs[i]);
        fail_each(path, FAULT_ALLOC);
        fail_each(path, FAULT_READ);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms_agree),
        cmocka_unit_test(test_shared_forms_agree),
        cmocka_unit_test(test_shared_heads_load),
        cmocka_unit_test(test_bad_heads_are_refused),
        cmocka_unit_test(test_shared_bad_files_are_refused),
        cmocka_unit_test(test_order_of_choice),
        cmocka_unit_test(test_absent_weights_name_the_folder),
        cmocka_unit_test(test_bad_indexes),
        cmocka_unit_test(test_opening_reads_no_data),
        cmocka_unit_test(test_two_shards_with_one_tensor),
        cmocka_unit_test(test_impostors),
        cmocka_unit_test(test_each_failure_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, scratch_remove);
}

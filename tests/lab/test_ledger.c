/* SPDX-License-Identifier: Apache-2.0 */
/* test_ledger.c — rows come back as they were written, in order, from several processes; and with each allocation and file
 * operation failing in turn a row is there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "lab/ledger.h"

enum { N_PROCESSES = 4, N_ROWS = 25 };

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/tri-ledger-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int empty_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'/*", folder);
    return system(command);
}

static int teardown(void **state)
{
    return empty_folder(state) ? -1 : rmdir(folder);
}

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static const ledger_entry sample = {.began = 1700000000.5,
                                    .seconds = 90,
                                    .command = "trident run plan.yaml",
                                    .name = "v2",
                                    .device = "cpu",
                                    .billed = 2,
                                    .rate = 12,
                                    .price = 0.4,
                                    .outcome = "done",
                                    .metrics = "{\"ndcg@10\": 0.97}"};

typedef struct tally {
    size_t n;
    int64_t last_id;
    double billed;
} tally;

static tri_status check_row(void *ctx, const ledger_entry *e, tri_error *err)
{
    tally *t = ctx;
    (void)err;
    assert_true(e->id > t->last_id);
    assert_true(e->began == sample.began && e->seconds == sample.seconds && e->rate == sample.rate && e->price == sample.price);
    assert_string_equal(e->command, sample.command);
    assert_string_equal(e->name, sample.name);
    assert_string_equal(e->device, sample.device);
    assert_string_equal(e->outcome, sample.outcome);
    assert_string_equal(e->metrics, sample.metrics);
    assert_null(e->note);
    assert_null(e->config_hash);
    t->last_id = e->id;
    t->billed += e->billed;
    t->n++;
    return TRI_OK;
}

static tally read_all(const char *path)
{
    tally t = {0};
    tri_error err = {0};
    if (ledger_read(path, check_row, &t, &err)) fail_msg("%s", err.text);
    return t;
}

static void rows_come_back(void **state)
{
    (void)state;
    char path[128];
    tri_error err = {0};
    path_of("deep/er/ledger.db", path);
    assert_int_equal(read_all(path).n, 0);
    assert_false(file_exists(path));
    for (size_t i = 0; i < 3; i++)
        if (ledger_add(path, &sample, &err)) fail_msg("%s", err.text);
    assert_int_equal(read_all(path).n, 3);
    assert_true(read_all(path).billed == 6);
}

static void processes_share_it(void **state)
{
    (void)state;
    char path[128];
    path_of("shared.db", path);
    for (size_t p = 0; p < N_PROCESSES; p++) {
        if (fork()) continue;
        tri_error err = {0};
        int bad = 0;
        for (size_t i = 0; i < N_ROWS; i++) bad |= ledger_add(path, &sample, &err) != TRI_OK;
        _exit(bad);
    }
    for (size_t p = 0; p < N_PROCESSES; p++) {
        int status;
        assert_true(wait(&status) > 0 && status == 0);
    }
    assert_int_equal(read_all(path).n, N_PROCESSES * N_ROWS);
}

static void the_file_is_found(void **state)
{
    (void)state;
    char path[64];
    tri_error err = {0};
    setenv("TRIDENT_LEDGER", "", 1);
    setenv("XDG_STATE_HOME", "/state", 1);
    assert_int_equal(ledger_find(NULL, path, sizeof path, &err), TRI_OK);
    assert_string_equal(path, "/state/trident/ledger.db");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", "/home/me", 1);
    assert_int_equal(ledger_find(NULL, path, sizeof path, &err), TRI_OK);
    assert_string_equal(path, "/home/me/.local/state/trident/ledger.db");
    setenv("TRIDENT_LEDGER", "/l.db", 1);
    assert_int_equal(ledger_find(NULL, path, sizeof path, &err), TRI_OK);
    assert_string_equal(path, "/l.db");
    assert_int_equal(ledger_find("x.db", path, sizeof path, &err), TRI_OK);
    assert_string_equal(path, "x.db");
    assert_int_equal(ledger_find("x.db", path, 3, &err), TRI_ERR_LIMIT);
}

static void each_step_may_fail(void **state)
{
    (void)state;
    char path[128];
    uint64_t live = mem_live();
    path_of("fault/ledger.db", path);
    for (fault_kind kind = 0; kind < FAULT_KINDS; kind++)
        for (uint64_t nth = 1; nth < 10000; nth++) {
            tri_error err = {0};
            empty_folder(NULL);
            fault_arm(kind, nth, false);
            tri_status st = ledger_add(path, &sample, &err);
            bool reached = fault_seen(kind) >= nth;
            fault_arm(kind, 0, false);
            if (st) assert_true(err.text[0] != 0);
            assert_int_equal(mem_live(), live);
            assert_int_equal(read_all(path).n, st ? 0 : 1);
            if (!reached) break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rows_come_back, empty_folder),
        cmocka_unit_test_teardown(processes_share_it, empty_folder),
        cmocka_unit_test_teardown(the_file_is_found, empty_folder),
        cmocka_unit_test_teardown(each_step_may_fail, empty_folder),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

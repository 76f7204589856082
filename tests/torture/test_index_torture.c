/* SPDX-License-Identifier: Apache-2.0 */
/* test_index_torture.c — an index whose every allocation, read and write fails in turn, whose disk fills up at every point, and
 * whose writer is killed before every system call that changes a file: what is found afterwards is the old state or the new
 * one, whole, and the next writer goes on from there. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ptrace.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "index/collection.h"
#include "index/merge.h"
#include "toy_index.h"

enum { OLD = 12, NEW = 30, GONE = 3, LIVE_AFTER = NEW - 1, MANY = 100000 };

static toy_docs docs; /* NEW of them */
/* How the old state was made and how often the change flushes: by default few segments. With many, the change ends in a merge.
 */
static size_t old_commits = 2, flush_docs = 7;

static void must(tri_status st, const tri_error *err)
{
    if (st != TRI_OK) fail_msg("%s: %s", tri_status_name(st), err->text);
}

static void make_old(char dir[256])
{
    tri_error err;
    toy_docs old = {OLD, docs.docs};
    toy_folder(dir);
    must(toy_build(dir, &old, old_commits, TRI_STORE_INT8, &err), &err);
}

/* From the old state to the new: adds that flush twice, a delete, a commit. */
static tri_status change(const char *dir, tri_error *err)
{
    tri_index *x;
    size_t missing;
    tri_status st = tri_index_open(dir, TRI_INDEX_WRITE, &x, err);
    if (st != TRI_OK) return st;
    x->flush_docs = flush_docs;
    st = tri_index_add(x, docs.docs + OLD, NEW - OLD, err);
    if (st == TRI_OK) st = tri_index_delete(x, &docs.docs[GONE].key, 1, &missing, err);
    if (st == TRI_OK) st = tri_index_commit(x, err);
    tri_index_close(x);
    return st;
}

static tri_status look(const char *dir, tri_error *err)
{
    tri_index *x;
    tri_search_options o;
    tri_query q[2] = {toy_query(&docs, 0), toy_query(&docs, 5)};
    tri_match matches[4];
    size_t n;
    tri_status st = tri_index_open(dir, TRI_INDEX_READ, &x, err);
    if (st != TRI_OK) return st;
    tri_search_options_init(&o);
    o.threads = 2;
    for (int way = 0; way < 4 && st == TRI_OK; way++) {
        tri_hits *hits = NULL;
        o.fuse = way == 1 ? TRI_FUSE_COMBMNZ : TRI_FUSE_WEIGHTED;
        o.candidates = way == 2 ? 4 : 0;
        o.rescore_multi = way == 3;
        st = tri_search(x, &o, q, 2, &hits, err);
        if ((st == TRI_OK) != (hits != NULL)) fail_msg("hits and status disagree");
        tri_hits_free(hits);
    }
    if (st == TRI_OK) st = tri_explain(x, q, 1, matches, 4, &n, err);
    tri_index_close(x);
    return st == TRI_OK ? tri_index_check(dir, NULL, NULL, err) : st;
}

/* true = the new state; fails when it is neither. */
static bool is_new(const char *dir)
{
    tri_error err;
    tri_index *x;
    tri_index_info info = {.struct_size = sizeof info};
    must(tri_index_check(dir, NULL, NULL, &err), &err);
    must(tri_index_open(dir, TRI_INDEX_READ, &x, &err), &err);
    tri_index_info_get(x, &info);
    bool is_after = info.n_live != OLD;
    assert_int_equal(info.n_live, is_after ? LIVE_AFTER : OLD);
    for (size_t i = 0; i < NEW; i++) assert_int_equal(tri_index_has(x, docs.docs[i].key), is_after ? i != GONE : i < OLD);
    tri_index_close(x);
    return is_after;
}

static void go_on(const char *dir)
{
    tri_error err;
    if (!is_new(dir)) must(change(dir, &err), &err);
    assert_true(is_new(dir));
}

/* ---- failures in turn ------------------------------------------------------------------------------------------- */

typedef tri_status (*step)(const char *dir, tri_error *err);

static tri_status create_only(const char *dir, tri_error *err)
{
    tri_index *x;
    char inner[300];
    tri_index_options o = toy_options(TRI_STORE_F16);
    snprintf(inner, sizeof inner, "%s/inner", dir);
    tri_status st = tri_index_create(inner, &o, &x, err);
    if (st == TRI_OK) tri_index_close(x);
    toy_remove(inner);
    return st;
}

/* After a failure: old or new, and, when asked, the next writer finishes the change. true = no longer the old state. */
static bool settle(const char *dir, bool finish, bool must_be_new)
{
    bool after = is_new(dir);
    if (must_be_new) assert_true(after);
    if (finish) go_on(dir);
    return after || finish;
}

/* Runs the step with its 1st, 2nd, 3rd ... event failing until it no longer meets the failure. */
static void each_fails(fault_kind kind, bool lasting, step run, bool changes)
{
    char dir[256];
    tri_error err;
    uint64_t nth;
    make_old(dir);
    for (nth = 1; nth < MANY; nth++) {
        uint64_t live = mem_live();
        memset(&err, 0, sizeof err);
        fault_arm(kind, nth, lasting);
        tri_status st = run(dir, &err);
        bool met = fault_seen(kind) >= nth;
        fault_arm(kind, 0, false);
        if (mem_live() != live) fail_msg("event %u of kind %d: blocks were leaked", (unsigned)nth, (int)kind);
        if (st != TRI_OK && (err.status != st || !err.text[0]))
            fail_msg("event %u of kind %d: no words", (unsigned)nth, (int)kind);
        if (!met) {
            must(st, &err);
            break;
        }
        if (!changes || !settle(dir, nth % 4 == 0, st == TRI_OK)) continue;
        toy_remove(dir);
        make_old(dir);
    }
    assert_true(nth > 1 && nth < MANY);
    toy_remove(dir);
}

static void test_each_allocation_of_a_change_fails(void **state)
{
    (void)state;
    each_fails(FAULT_ALLOC, false, change, true);
}

static void test_each_read_of_a_change_fails(void **state)
{
    (void)state;
    each_fails(FAULT_READ, false, change, true);
}

static void test_each_write_of_a_change_fails(void **state)
{
    (void)state;
    each_fails(FAULT_WRITE, false, change, true);
}

static void test_the_disk_is_full_from_each_write_on(void **state)
{
    (void)state;
    each_fails(FAULT_WRITE, true, change, true);
}

static int begin_merging(void **state)
{
    (void)state;
    old_commits = 12;
    flush_docs = 4; /* 18 documents: 5 segments more, 17 in all, one too many */
    return 0;
}

static int end_merging(void **state)
{
    (void)state;
    old_commits = 2;
    flush_docs = 7;
    return 0;
}

/* What a commit does after its flush is torn at above; here the merge alone, over the index's own segments. */
static tri_status merge_all(const char *dir, tri_error *err)
{
    tri_index *x;
    manifest_segment record;
    tri_status st = tri_index_open(dir, TRI_INDEX_WRITE, &x, err); /* sweeps what the failure before left */
    if (st != TRI_OK) return st;
    st = merge_run(dir, &x->m, x->segments, x->m.segments, x->n_segments, 99, &record, err);
    tri_index_close(x);
    return st;
}

static void test_each_event_of_a_merge_fails(void **state)
{
    (void)state;
    old_commits = 3;
    each_fails(FAULT_ALLOC, false, merge_all, false);
    each_fails(FAULT_READ, false, merge_all, false);
    each_fails(FAULT_WRITE, true, merge_all, false);
}

static void test_each_allocation_and_read_of_a_search_fails(void **state)
{
    (void)state;
    each_fails(FAULT_ALLOC, false, look, false);
    each_fails(FAULT_READ, false, look, false);
}

static void test_each_event_of_creating_fails(void **state)
{
    (void)state;
    each_fails(FAULT_ALLOC, false, create_only, false);
    each_fails(FAULT_READ, false, create_only, false);
    each_fails(FAULT_WRITE, false, create_only, false);
}

/* ---- the failed handle ------------------------------------------------------------------------------------------ */

static void test_a_handle_that_failed_says_so_until_it_is_opened_anew(void **state)
{
    (void)state;
    char dir[256];
    tri_error first, again;
    tri_index *x;
    size_t missing;
    make_old(dir);
    must(tri_index_open(dir, TRI_INDEX_WRITE, &x, &first), &first);
    must(tri_index_add(x, docs.docs + OLD, 3, &first), &first);
    fault_arm(FAULT_WRITE, 2, true);
    assert_int_equal(tri_index_commit(x, &first), TRI_ERR_IO);
    fault_arm(FAULT_WRITE, 0, false);
    assert_non_null(strstr(first.text, "No space left"));
    assert_non_null(strstr(first.hint, "disk is full"));
    assert_int_equal(tri_index_add(x, docs.docs + OLD, 1, &again), TRI_ERR_IO);
    assert_string_equal(again.text, first.text);
    assert_int_equal(tri_index_delete(x, &docs.docs[0].key, 1, &missing, &again), TRI_ERR_IO);
    assert_int_equal(tri_index_commit(x, &again), TRI_ERR_IO);
    tri_index_close(x);
    go_on(dir);
    toy_remove(dir);
}

/* ---- kill -9 ---------------------------------------------------------------------------------------------------- */

static bool changes_files(uint64_t number)
{
    static const long calls[] = {
        SYS_openat,   SYS_write,  SYS_pwrite64, SYS_fsync, SYS_ftruncate, SYS_unlinkat, SYS_renameat2,
#ifdef SYS_open
        SYS_open,     SYS_unlink, SYS_rename,
#endif
#ifdef SYS_renameat
        SYS_renameat,
#endif
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (number == (uint64_t)calls[i]) return true;
    return false;
}

/* A child that waits to be traced, then changes the index. */
static pid_t start_writer(const char *dir)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    tri_error err;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(99);
    raise(SIGSTOP);
    _exit(change(dir, &err) == TRI_OK ? 0 : 1);
}

/* Kills the writer at the entry of its nth call that changes files. Returns false when it came to its end first; -1 in *refused
 * when this system does not let us trace. */
static bool kill_at(const char *dir, int nth, bool *refused)
{
    int status, seen = 0;
    pid_t pid = start_writer(dir);
    *refused = pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
               ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0;
    if (*refused) {
        if (pid > 0 && kill(pid, SIGKILL) == 0) waitpid(pid, &status, 0);
        return false;
    }
    for (;;) {
        struct ptrace_syscall_info info;
        if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 || waitpid(pid, &status, 0) != pid) fail_msg("lost the writer");
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) <= 0) fail_msg("no news of the writer");
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_files(info.entry.nr) || ++seen < nth) continue;
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return true;
    }
}

static void kill_everywhere(int stride)
{
    char dir[256];
    int nth, n_killed = 0, n_new = 0;
    bool refused = false;
    make_old(dir);
    for (nth = 1; kill_at(dir, nth, &refused); nth += stride) {
        bool after = is_new(dir);
        n_killed++;
        n_new += after;
        if (!settle(dir, n_killed % 4 == 0, after)) continue;
        toy_remove(dir);
        make_old(dir);
    }
    if (!refused) {
        assert_true(is_new(dir));
        assert_true(nth > 50 && n_new > 0 && n_new < n_killed);
    }
    toy_remove(dir);
    if (refused) skip();
}

static void test_a_writer_killed_at_every_call_leaves_old_or_new(void **state)
{
    (void)state;
    kill_everywhere(1);
}

static void test_a_writer_killed_while_it_merges_leaves_old_or_new(void **state)
{
    (void)state;
    kill_everywhere(17); /* some 500 calls, each of a kind that the test above meets everywhere */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_of_a_change_fails),
        cmocka_unit_test(test_each_read_of_a_change_fails),
        cmocka_unit_test(test_each_write_of_a_change_fails),
        cmocka_unit_test(test_the_disk_is_full_from_each_write_on),
        cmocka_unit_test_teardown(test_each_event_of_a_merge_fails, end_merging),
        cmocka_unit_test(test_each_allocation_and_read_of_a_search_fails),
        cmocka_unit_test(test_each_event_of_creating_fails),
        cmocka_unit_test(test_a_handle_that_failed_says_so_until_it_is_opened_anew),
        cmocka_unit_test(test_a_writer_killed_at_every_call_leaves_old_or_new),
        cmocka_unit_test_setup_teardown(test_a_writer_killed_while_it_merges_leaves_old_or_new, begin_merging, end_merging),
    };
    docs = toy_docs_new(NEW, 40);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    toy_docs_free(&docs);
    return failed;
}

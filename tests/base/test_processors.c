/* SPDX-License-Identifier: Apache-2.0 */
/* test_processors.c — quotas at every level of nesting, siblings, nodes, and files that are missing or nonsense, on made-up
 * roots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/processors.h"

static char root[] = "/tmp/trident-processors-XXXXXX";

static void put(const char *path, const char *text)
{
    char full[512], folder[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    snprintf(folder, sizeof folder, "%s", full);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(file_make_dirs(folder, NULL), TRI_OK);
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int begin(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int end(void **state)
{
    char command[600];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void nothing_to_read(void **state)
{
    (void)state;
    bool allowed[4] = {true, true, false, true};
    assert_true(processors_quota(root) == 0);
    assert_int_equal(processors_cores(root, allowed, 4), 3);
}

static void version_2_takes_the_tightest_level(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
    assert_true(processors_quota(root) == 1.5);
    put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
    assert_true(processors_quota(root) == 0.5);
    put("/proc/self/cgroup", "0::/\n");
    assert_true(processors_quota(root) == 0.5);
}

static void version_1(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "12:memory:/m\n4:cpu,cpuacct:/box\n0::/\n");
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_true(processors_quota(root) == 3);
}

static void nonsense_is_no_quota(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "::::\n\nno colon\n0:\n0::relative\n0::/x\n");
    put("/sys/fs/cgroup/x/cpu.max", "words\n");
    assert_true(processors_quota(root) == 0);
}

static void siblings_count_once(void **state)
{
    (void)state;
    static const char *const lists[] = {"0,4\n", "1,5\n", "2-3\n", "2-3\n", "0,4\n", "1,5\n"};
    char path[96];
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", i);
        put(path, lists[i]);
    }
    bool all[6] = {true, true, true, true, true, true}, some[6] = {false, true, false, true, true, true};
    assert_int_equal(processors_cores(root, all, 6), 3);
    assert_int_equal(processors_cores(root, some, 6), 3);
    put("/sys/devices/system/cpu/smt/active", "0\n");
    assert_int_equal(processors_cores(root, all, 6), 6);
}

/* A node without memory of ours, a gap in the numbers, and a node of which this process may use nothing. */
static void nodes_are_numbered_densely(void **state)
{
    (void)state;
    bool allowed[8] = {true, true, true, false, false, false, true, true};
    processor_nodes nodes;
    processors_find_nodes(root, allowed, 8, &nodes);
    assert_int_equal(nodes.n, 1);
    put("/sys/devices/system/node/node0/cpulist", "0-1,6\n");
    put("/sys/devices/system/node/node1/cpulist", "\n");
    put("/sys/devices/system/node/node2/cpulist", "3-5\n");
    put("/sys/devices/system/node/node5/cpulist", "2,7\n");
    static const uint8_t expected[8] = {0, 0, 1, 0, 0, 0, 0, 1};
    processors_find_nodes(root, allowed, 8, &nodes);
    assert_int_equal(nodes.n, 2);
    assert_memory_equal(nodes.of, expected, sizeof expected);
    assert_memory_equal(nodes.allowed, allowed, sizeof allowed);
}

typedef struct look {
    size_t seen;
    const processor_nodes *nodes;
} look;

static void note_node(void *ctx)
{
    look *l = ctx;
    l->seen = processors_node_here(l->nodes);
}

static void threads_run_on_their_node(void **state)
{
    (void)state;
    processor_nodes nodes;
    processors_nodes(&nodes);
    assert_in_range(nodes.n, 1, NODES_MAX);
    size_t second = 0; /* every other processor is made a node of its own */
    for (size_t i = 0, seen = 0; i < PROCESSORS_MAX; i++)
        if (nodes.allowed[i]) second += nodes.of[i] = seen++ % 2;
    nodes.n = second ? 2 : 1;
    for (size_t i = 0; i < nodes.n; i++) {
        look l = {9, &nodes};
        processors_run_on_node(&nodes, i, note_node, &l);
        assert_int_equal(l.seen, i);
    }
}

static void at_least_one_here(void **state)
{
    (void)state;
    assert_true(processors_usable() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_to_read, begin, end),
        cmocka_unit_test_setup_teardown(version_2_takes_the_tightest_level, begin, end),
        cmocka_unit_test_setup_teardown(version_1, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_is_no_quota, begin, end),
        cmocka_unit_test_setup_teardown(siblings_count_once, begin, end),
        cmocka_unit_test_setup_teardown(nodes_are_numbered_densely, begin, end),
        cmocka_unit_test(threads_run_on_their_node),
        cmocka_unit_test(at_least_one_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

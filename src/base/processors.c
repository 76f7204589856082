/* SPDX-License-Identifier: Apache-2.0 */
/* processors.c — affinity, control groups, siblings, NUMA nodes.
 *
 * The kernel tells these in small text files. What cannot be read says nothing: a container may hide any of them, and then the
 * affinity mask alone decides. Control groups nest, and each level may have a quota: version 2 in "cpu.max" ("max 100000" or
 * "200000 100000"), version 1 in "cpu.cfs_quota_us" and "cpu.cfs_period_us". They are read without base/file.h and the heap:
 * a failure here is no error, so a test that makes each read fail in turn has nothing to see. */
#include "base/processors.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { MAX_PATH = 4096 };

typedef struct small_text {
    char data[8192]; /* NUL-terminated; longer files are cut */
} small_text;

/* The text of ROOT/path; false when there is none. */
static bool read_text(const char *root, const char *path, small_text *out)
{
    char full[MAX_PATH];
    int n = snprintf(full, sizeof full, "%s%s", root, path);
    FILE *f = n > 0 && (size_t)n < sizeof full ? fopen(full, "re") : NULL;
    if (!f) return false;
    out->data[fread(out->data, 1, sizeof out->data - 1, f)] = '\0';
    fclose(f);
    return true;
}

/* Leaves the deepest folder of a path off; false at the root. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || path[1] == '\0') return false;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

/* The unsigned number at the beginning of *at, which then is past it and one separator; 0 where there is none. */
static double take_number(const char **at)
{
    uint64_t value = 0;
    size_t len = strspn(*at, "0123456789");
    if (!number_parse_u64(*at, len, &value)) value = 0;
    *at += len + ((*at)[len] != '\0');
    return (double)value;
}

static double quota_v2(const char *root, const char *group, small_text *text)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group[1] ? group : "");
    if (n < 0 || (size_t)n >= sizeof path || !read_text(root, path, text)) return 0;
    const char *at = text->data;
    double quota = take_number(&at), period = take_number(&at);
    return quota > 0 ? quota / (period > 0 ? period : 100000) : 0; /* the kernel's default, microseconds */
}

static double number_in(const char *root, const char *group, const char *name, small_text *text)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/%s", group[1] ? group : "", name);
    const char *at = text->data;
    return n > 0 && (size_t)n < sizeof path && read_text(root, path, text) ? take_number(&at) : 0;
}

static double quota_v1(const char *root, const char *group, small_text *text)
{
    double quota = number_in(root, group, "cpu.cfs_quota_us", text);
    double period = number_in(root, group, "cpu.cfs_period_us", text);
    return quota > 0 && period > 0 ? quota / period : 0;
}

static double tightest(double a, double b)
{
    return a > 0 && (b <= 0 || a < b) ? a : b;
}

static double quota_upward(const char *root, char *group, double (*quota_of)(const char *, const char *, small_text *),
                           small_text *text)
{
    double quota = 0;
    do {
        quota = tightest(quota_of(root, group, text), quota);
    } while (go_up(group));
    return quota;
}

/* One line of /proc/self/cgroup, "0::/path" (version 2) or "4:cpu,cpuacct:/path": the path, or NULL. */
static char *group_of(char *line, bool *v2)
{
    char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
    if (!path || path[1] != '/') return NULL;
    *path++ = '\0';
    *v2 = names[1] == '\0';
    if (*v2) return path;
    for (char *rest = names + 1, *name; (name = strsep(&rest, ","));)
        if (strcmp(name, "cpu") == 0) return path;
    return NULL;
}

double processors_quota(const char *root)
{
    small_text groups, text;
    double quota = 0;
    if (read_text(root, "/proc/self/cgroup", &groups)) {
        char *line = groups.data;
        while (line) {
            char *end = strchr(line, '\n');
            bool v2;
            if (end) *end++ = '\0';
            char *group = group_of(line, &v2);
            if (group) quota = tightest(quota_upward(root, group, v2 ? quota_v2 : quota_v1, &text), quota);
            line = end;
        }
    }
    return quota;
}

/* The lowest allowed processor of a list such as "3,67" or "0-1". */
static size_t lowest_allowed(const char *list, const bool *allowed, size_t n_cpus)
{
    while (*list >= '0' && *list <= '9') {
        size_t first = (size_t)take_number(&list), last = first;
        if (list[-1] == '-') last = (size_t)take_number(&list);
        for (size_t i = first; i <= last && i < n_cpus; i++)
            if (allowed[i]) return i;
    }
    return n_cpus;
}

int processors_cores(const char *root, const bool *allowed, size_t n_cpus)
{
    small_text text;
    int n = 0;
    /* Where siblings are off, as in most virtual machines, there is nothing to look for. */
    bool siblings = !read_text(root, "/sys/devices/system/cpu/smt/active", &text) || text.data[0] != '0';
    for (size_t i = 0; i < n_cpus; i++) {
        if (!allowed[i]) continue;
        char path[128];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", i);
        size_t first = i;
        if (siblings && read_text(root, path, &text)) first = lowest_allowed(text.data, allowed, n_cpus);
        n += first == i || first == n_cpus;
    }
    return n;
}

/* The affinity mask; false where it cannot be had. */
static bool find_allowed(bool allowed[PROCESSORS_MAX])
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return false;
    for (size_t i = 0; i < PROCESSORS_MAX; i++) allowed[i] = CPU_ISSET(i, &set);
    return true;
}
_Static_assert((int)PROCESSORS_MAX == CPU_SETSIZE, "a mask holds them all");

int processors_usable(void)
{
    bool allowed[PROCESSORS_MAX] = {false};
    if (!find_allowed(allowed)) return 1;
    int n = processors_cores("", allowed, PROCESSORS_MAX);
    double quota = processors_quota("");
    if (quota > 0 && quota < n) n = (int)quota;
    return n < 1 ? 1 : n;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------------ */

/* Gives the allowed processors of a list to a node; false where there is none. */
static bool give_to_node(const char *list, const bool *allowed, size_t n_cpus, uint8_t node, processor_nodes *out)
{
    bool any = false;
    while (*list >= '0' && *list <= '9') {
        size_t first = (size_t)take_number(&list), last = first;
        if (list[-1] == '-') last = (size_t)take_number(&list);
        for (size_t i = first; i <= last && i < n_cpus; i++) {
            if (!allowed[i]) continue;
            out->of[i] = node;
            any = true;
        }
    }
    return any;
}

void processors_find_nodes(const char *root, const bool *allowed, size_t n_cpus, processor_nodes *out)
{
    enum { NUMBERS = 64 }; /* of the system's nodes, which may have gaps */
    small_text text;
    *out = (processor_nodes){.n = 0};
    for (size_t i = 0; i < n_cpus && i < PROCESSORS_MAX; i++) out->allowed[i] = allowed[i];
    for (size_t number = 0; number < NUMBERS && out->n < NODES_MAX; number++) {
        char path[128];
        snprintf(path, sizeof path, "/sys/devices/system/node/node%zu/cpulist", number);
        if (read_text(root, path, &text) && give_to_node(text.data, allowed, n_cpus, (uint8_t)out->n, out)) out->n++;
    }
    if (out->n == 0) out->n = 1;
}

void processors_nodes(processor_nodes *out)
{
    bool allowed[PROCESSORS_MAX] = {false};
    find_allowed(allowed);
    processors_find_nodes("", allowed, PROCESSORS_MAX, out);
}

size_t processors_node_here(const processor_nodes *nodes)
{
    int cpu = nodes->n > 1 ? sched_getcpu() : 0;
    return cpu >= 0 && cpu < PROCESSORS_MAX ? nodes->of[cpu] : 0;
}

typedef struct node_task {
    void (*fn)(void *ctx);
    void *ctx;
} node_task;

static void *run_task(void *arg)
{
    const node_task *task = arg;
    task->fn(task->ctx);
    return NULL;
}

void processors_run_on_node(const processor_nodes *nodes, size_t node, void (*fn)(void *ctx), void *ctx)
{
    node_task task = {fn, ctx};
    pthread_t thread;
    pthread_attr_t how;
    cpu_set_t set;
    bool started = false;
    CPU_ZERO(&set);
    for (size_t i = 0; i < PROCESSORS_MAX; i++)
        if (nodes->allowed[i] && nodes->of[i] == node) CPU_SET(i, &set);
    if (nodes->n > 1 && CPU_COUNT(&set) > 0 && pthread_attr_init(&how) == 0) {
        started =
            pthread_attr_setaffinity_np(&how, sizeof set, &set) == 0 && pthread_create(&thread, &how, run_task, &task) == 0;
        pthread_attr_destroy(&how);
    }
    if (started)
        pthread_join(thread, NULL);
    else
        fn(ctx);
}

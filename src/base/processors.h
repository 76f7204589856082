/* SPDX-License-Identifier: Apache-2.0 */
/* processors.h — how many threads should compute here, and which memory is near them? */
#ifndef TRI_BASE_PROCESSORS_H
#define TRI_BASE_PROCESSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cores this process may keep busy, at least 1: those of its affinity mask, two threads of one core counted once, and no more
 * than its control groups' quotas pay for (rounded down, since a group over its quota is stopped for the rest of the period).
 */
int processors_usable(void);

/* The NUMA nodes whose processors this process may use, numbered from 0 in the system's order. */
enum { NODES_MAX = 16, PROCESSORS_MAX = 1024 };
typedef struct processor_nodes {
    size_t n; /* at least 1; nodes past NODES_MAX count as the first */
    uint8_t of[PROCESSORS_MAX];
    bool allowed[PROCESSORS_MAX];
} processor_nodes;

void processors_nodes(processor_nodes *out);
/* That of the processor which runs the caller just now. */
size_t processors_node_here(const processor_nodes *nodes);
/* fn(ctx) on a thread that runs on the node's processors alone, so that memory it touches first is the node's; on the caller
 * itself where there is one node, or no thread to be had. */
void processors_run_on_node(const processor_nodes *nodes, size_t node, void (*fn)(void *ctx), void *ctx);

/* The parts, for tests: `root` stands for "/". */
void processors_find_nodes(const char *root, const bool *allowed, size_t n_cpus, processor_nodes *out);

/* The tightest quota of the control group named in ROOT/proc/self/cgroup and those above it, in processors; 0 = none. */
double processors_quota(const char *root);
/* How many of the n_cpus processors (allowed[i]) are the first allowed thread of their core. */
int processors_cores(const char *root, const bool *allowed, size_t n_cpus);

#endif

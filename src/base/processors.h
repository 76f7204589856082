/* SPDX-License-Identifier: Apache-2.0 */
/* processors.h — how many threads should compute here? */
#ifndef TRI_BASE_PROCESSORS_H
#define TRI_BASE_PROCESSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cores this process may keep busy, at least 1: those of its affinity mask, two threads of one core counted once, and no more
 * than its control groups' quotas pay for (rounded down, since a group over its quota is stopped for the rest of the period).
 */
int processors_usable(void);

/* The parts, for tests: `root` stands for "/". */

/* The tightest quota of the control group named in ROOT/proc/self/cgroup and those above it, in processors; 0 = none. */
double processors_quota(const char *root);
/* How many of the n_cpus processors (allowed[i]) are the first allowed thread of their core. */
int processors_cores(const char *root, const bool *allowed, size_t n_cpus);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c — counters behind fault.h. The state is process-wide on purpose: a test arms it, the code under test is unaware. */
#include "base/fault.h"

#include <stdatomic.h>

static atomic_bool fault_armed[FAULT_KINDS];
static atomic_bool fault_lasting[FAULT_KINDS];
static atomic_uint_fast64_t fault_nth[FAULT_KINDS];
static atomic_uint_fast64_t fault_count[FAULT_KINDS];

void fault_arm(fault_kind kind, uint64_t nth, bool lasting)
{
    atomic_store(&fault_armed[kind], false);
    atomic_store(&fault_count[kind], 0);
    atomic_store(&fault_nth[kind], nth);
    atomic_store(&fault_lasting[kind], lasting);
    atomic_store(&fault_armed[kind], nth > 0);
}

uint64_t fault_seen(fault_kind kind)
{
    return atomic_load(&fault_count[kind]);
}

bool fault_hit(fault_kind kind)
{
    if (!atomic_load_explicit(&fault_armed[kind], memory_order_relaxed)) return false;
    uint64_t n = atomic_fetch_add(&fault_count[kind], 1) + 1;
    uint64_t nth = atomic_load(&fault_nth[kind]);
    return n == nth || (n > nth && atomic_load(&fault_lasting[kind]));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fault.h — making the n-th allocation, read or write fail, for tests.
 *
 * Always compiled: one relaxed atomic load each, nothing when unarmed. Armed only by tests (and by no environment variable). */
#ifndef TRI_BASE_FAULT_H
#define TRI_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { FAULT_ALLOC, FAULT_READ, FAULT_WRITE, FAULT_KINDS } fault_kind;

/* The `nth` (from 1) event of this kind from now on fails; `lasting` makes all later ones fail too. nth 0 disarms. */
void fault_arm(fault_kind kind, uint64_t nth, bool lasting);
/* Events seen since the last arming; tells a test when it has passed the last one. */
uint64_t fault_seen(fault_kind kind);
/* Asked at each event: true = fail now. */
bool fault_hit(fault_kind kind);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* emulated.c — the list of emulated instruction sets. Each has the ops of "generic" over its own table of kernels. */
#include "emulated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "compute/cpu/cpu.h"

typedef struct emulated {
    const char *name;
    const cpu_kernels *kernels;
    const backend *needs; /* what must work here, or NULL */
} emulated;

#if defined(__x86_64__)
extern const cpu_kernels cpu_kernels_emulated_amx, cpu_kernels_emulated_avxvnni;
extern atomic_int amx_emulated_in_use;
#else
static atomic_int amx_emulated_in_use;
#endif

static const emulated list[] = {
#if defined(__x86_64__)
    {"emulated amx", &cpu_kernels_emulated_amx, NULL},
    {"emulated avxvnni", &cpu_kernels_emulated_avxvnni, &backend_avx512vnni},
#endif
    {NULL, NULL, NULL},
};

static bool works(const emulated *e)
{
    return !e->needs || e->needs->works();
}

const char *emulated_isa(size_t i)
{
    for (const emulated *e = list; e->name; e++)
        if (works(e) && i-- == 0) return e->name;
    return NULL;
}

/* The compute and its ops, whose name is its own, in one block. */
typedef struct emulated_compute {
    compute c;
    compute_ops ops;
} emulated_compute;

static const emulated *find(const char *isa)
{
    for (const emulated *e = list; e->name; e++)
        if (isa && strcmp(e->name, isa) == 0) return e;
    return NULL;
}

bool emulated_open(const char *isa, pool *threads, compute **out)
{
    const emulated *e = find(isa);
    if (!e) return false;
    emulated_compute *made = mem_calloc(1, sizeof *made);
    assert_non_null(made);
    made->ops = *backend_generic.ops;
    made->ops.name = e->name;
    made->c.ops = &made->ops;
    made->c.threads = threads;
    assert_int_equal(cpu_state_open(&made->c, e->kernels, NULL), TRI_OK);
    *out = &made->c;
    return true;
}

bool emulated_close(compute *c)
{
    if (!c || !find(c->ops->name)) return false;
    assert_int_equal(atomic_load(&amx_emulated_in_use), 0); /* every task has released its tiles */
    cpu_state_close(c);
    mem_free(c); /* the first member of its block */
    return true;
}

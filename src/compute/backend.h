/* SPDX-License-Identifier: Apache-2.0 */
/* backend.h — what a backend tells the room: its name, whether this machine runs it, and how its scratch comes and goes.
 *
 * A backend is a folder with a backend_<name>.c that defines `const backend backend_<isa>` and one line in list.h. */
#ifndef TRI_COMPUTE_BACKEND_H
#define TRI_COMPUTE_BACKEND_H

#include "compute/compute.h"

typedef struct backend {
    const compute_ops *ops;
    bool (*works)(void);                           /* can this processor run it? */
    tri_status (*open)(compute *c, tri_error *err); /* fills c->scratch; c->ops and c->threads are set */
    void (*close)(compute *c);                     /* frees c->scratch; accepts NULL there */
} backend;

#define BACKEND(isa) extern const backend backend_##isa;
#define BACKEND_REF(isa) BACKEND(isa)
#include "compute/list.h"
#undef BACKEND
#undef BACKEND_REF

/* Shared by both packers: a weight's parts checked (precision, types, sizes) and its rows counted. */
tri_status backend_check_parts(const char *name, const matrix_part *parts, size_t n_parts, size_t k, precision p, size_t *n,
                               tri_error *err);

#endif

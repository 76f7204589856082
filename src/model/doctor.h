/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h — looks a model over; see doctor.c. */
#ifndef TRI_MODEL_DOCTOR_H
#define TRI_MODEL_DOCTOR_H

#include "model/model.h"
#include "trident/experimental.h"

tri_status doctor_run(compute *c, precision p, log_hook log, const char *path, tri_doctor_fn say, void *ctx, size_t *n_failed,
                      tri_error *err);

#endif

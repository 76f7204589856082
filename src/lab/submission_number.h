/* SPDX-License-Identifier: Apache-2.0 */
/* submission_number.h — a score as organisers and programs write it: 0.93, 93%, "0,93", nan, inf, 1e-7. */
#ifndef TRI_LAB_SUBMISSION_NUMBER_H
#define TRI_LAB_SUBMISSION_NUMBER_H

#include <stdbool.h>

#include "trident/types.h"

typedef struct submission_number {
    double value;               /* NaN and infinities too; of 93% it is 93 */
    bool percent, comma, whole; /* whole: neither fraction nor exponent is written */
} submission_number;

/* The whole of the text; false when it is no number. */
bool submission_number_parse(tri_text text, submission_number *out);
bool submission_is_number(tri_text t);
bool submission_is_digits(tri_text t); /* and nothing else, one at least */

#endif

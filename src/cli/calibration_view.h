/* SPDX-License-Identifier: Apache-2.0 */
/* calibration_view.h — what an int8 file lost when it was made, for people: from the calibration in its recipe. */
#ifndef TRI_CLI_CALIBRATION_VIEW_H
#define TRI_CLI_CALIBRATION_VIEW_H

#include <jansson.h>

#include "base/buf.h"

/* A sentence on the texts, without an end of line, and the table of losses. Statuses come without words, as buf's do. */
tri_status calibration_view_texts(const json_t *calibration, buf *out);
tri_status calibration_view_losses(const json_t *calibration, buf *out);
tri_status calibration_view_json(const json_t *calibration, buf *out);

/* The calibration in the recipe of a packed file: *recipe is to be given to json_decref, the result is borrowed from it; NULL
 * where there is none. */
const json_t *calibration_view_load(const char *path, json_t **recipe);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* half_gain.h — would half precision be worth it here? Measured once for each device, and said once. */
#ifndef TRI_CLI_HALF_GAIN_H
#define TRI_CLI_HALF_GAIN_H

#include "cli/cli.h"

/* After work in f32: notes how many times the products of f32 this device does in bf16, unless it was said before. What cannot
 * be measured or kept is passed over. */
void half_gain_note(cli *c, tri_engine *engine);

#endif

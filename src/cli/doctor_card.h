/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_card.h — what `trident doctor` says of a card. */
#ifndef TRI_CLI_DOCTOR_CARD_H
#define TRI_CLI_DOCTOR_CARD_H

#include <stdbool.h>
#include <stddef.h>

/* One line a finding: check, TRI_DOCTOR_ verdict, text with the remedy. */
typedef void (*doctor_card_say)(void *ctx, const char *check, int verdict, const char *line);

/* device: the --device word. A card that is not there fails where it was asked for, and is a note otherwise. Returns how many
 * findings failed. */
size_t doctor_card(const char *device, doctor_card_say say, void *ctx);

#endif

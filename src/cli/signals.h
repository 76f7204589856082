/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h — Ctrl-C and closed pipes. */
#ifndef TRI_CLI_SIGNALS_H
#define TRI_CLI_SIGNALS_H

#include <stdbool.h>

void signals_begin(void);
/* Ctrl-C (or a termination request) has come: stop at the next safe place, remove what is half made. */
bool signals_stopped(void);
/* The reader of standard output has gone away (`trident ... | head`): nobody is left to read the reason. */
bool signals_reader_gone(void);

#endif

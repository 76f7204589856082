/* SPDX-License-Identifier: Apache-2.0 */
/* pulled_model.h — is a real model here? Tests that need one are skipped where it is not. */
#ifndef TESTS_PULLED_MODEL_H
#define TESTS_PULLED_MODEL_H

/* The folder of a pulled model, or NULL: under $TRI_MODELS, or where `trident pull` puts it. Valid until the next call. */
const char *pulled_model(const char *name);

#endif

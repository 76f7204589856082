/* SPDX-License-Identifier: Apache-2.0 */
/* trident.h — everything promised, in one include. */
#ifndef TRIDENT_H
#define TRIDENT_H

#include "trident/embed.h"
#include "trident/engine.h"
#include "trident/eval.h"
#include "trident/index.h"
#include "trident/rerank.h"
#include "trident/search.h"
#include "trident/status.h"
#include "trident/types.h"

#define TRI_VERSION_MAJOR 0
#define TRI_VERSION_MINOR 1
#define TRI_VERSION_PATCH 0
#define TRI_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif
/* The version of the library that is loaded, e.g. "0.1.0". */
TRI_API const char *tri_version(void);
#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* list.h — the registry of encoders: X(name), one line per arch_<name>.c. */
#ifndef TRI_MODEL_LIST_H
#define TRI_MODEL_LIST_H

#define ARCH_LIST(X)                                                                                                           \
    X(bert)                                                                                                                    \
    X(xlmr)                                                                                                                    \
    X(gte)                                                                                                                     \
    X(modernbert)                                                                                                              \
    X(nomic)

#endif

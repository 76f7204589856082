/* SPDX-License-Identifier: Apache-2.0 */
/* status.c — names and meanings of the status table, generated from its X-map. */
#include "trident/status.h"

const char *tri_status_name(tri_status status)
{
    switch (status) {
#define TRI_X(number, name, meaning)                                                                                           \
    case TRI_##name:                                                                                                           \
        return #name;
        TRI_STATUS_MAP(TRI_X)
#undef TRI_X
    }
    return "?";
}

const char *tri_status_meaning(tri_status status)
{
    switch (status) {
#define TRI_X(number, name, meaning)                                                                                           \
    case TRI_##name:                                                                                                           \
        return meaning;
        TRI_STATUS_MAP(TRI_X)
#undef TRI_X
    }
    return "?";
}

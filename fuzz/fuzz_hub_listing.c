/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_hub_listing.c — any bytes as a hub's listing, then as a shard index: no unsafe name may come out wanted. */
#include <stdlib.h>

#include "hub/hub_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hub_listing l = {0};
    const char *index = NULL;
    if (hub_listing_parse(data, size, &l, NULL) != TRI_OK) return 0;
    if (hub_layout_select(&l, &index, NULL) == TRI_OK && index) hub_layout_select_shards(&l, index, data, size, NULL);
    for (size_t i = 0; i < l.count; i++)
        if (!hub_layout_is_safe(l.files[i].path)) abort();
    hub_listing_drop(&l);
    return 0;
}

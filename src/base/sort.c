/* SPDX-License-Identifier: Apache-2.0 */
/* sort.c — insertion sort for short runs, heap sort (Williams 1964) for the rest. */
#include "base/sort.h"

enum { SHORT_RUN = 32 };

static void sift_down(uint64_t *a, size_t root, size_t n)
{
    uint64_t key = a[root];
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && a[child + 1] > a[child]) child++;
        if (key >= a[child]) break;
        a[root] = a[child];
    }
    a[root] = key;
}

void sort_u64(uint64_t *a, size_t n)
{
    if (n <= SHORT_RUN) {
        for (size_t i = 1; i < n; i++) {
            uint64_t key = a[i];
            size_t j = i;
            for (; j > 0 && a[j - 1] > key; j--) a[j] = a[j - 1];
            a[j] = key;
        }
        return;
    }
    for (size_t i = n / 2; i-- > 0;) sift_down(a, i, n);
    for (size_t end = n - 1; end > 0; end--) {
        uint64_t top = a[0];
        a[0] = a[end];
        a[end] = top;
        sift_down(a, 0, end);
    }
}

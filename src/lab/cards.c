/* SPDX-License-Identifier: Apache-2.0 */
/* cards.c — the tables. Figures are the makers' own (NVIDIA data sheets: T4 2018, V100 2017/2018, A10 2021, A100 2020/2021,
 * L4 2023, L40S 2023, H100 2022, H200 2023; Ampere GA102/GA104 and Ada AD102 whitepapers for the RTX cards), dense: the
 * doubled figures of structured sparsity are halved. Of the RTX cards the figure is that with sums in f32, half of what is
 * advertised. Nothing here was measured by us.
 *
 * Shapes are those of the models' config.json; parameters are counted from them, embeddings included. */
#include "lab/cards.h"

#include <string.h>
#include <strings.h>

static const card cards[] = {
    {"RTX3070", "RTX 3070 8 GB", 8, "bf16", 40.6, 448},   /* GA104: 40.6 with FP32 sums, 81.3 with FP16 */
    {"T4", "T4 16 GB", 16, "fp16", 65, 320},              /* TU104: no bf16 */
    {"V100-16", "V100 16 GB", 16, "fp16", 125, 900},      /* SXM2; 112 as PCIe */
    {"V100-32", "V100 32 GB", 32, "fp16", 125, 900},      /* SXM2 */
    {"L4", "L4 24 GB", 24, "bf16", 121, 300},             /* 242 with sparsity */
    {"A10", "A10 24 GB", 24, "bf16", 125, 600},           /* 250 with sparsity */
    {"RTX3090", "RTX 3090 24 GB", 24, "bf16", 71, 936},   /* GA102 */
    {"RTX4090", "RTX 4090 24 GB", 24, "bf16", 165, 1008}, /* AD102: 165.2 with FP32 sums */
    {"A100-40", "A100 40 GB", 40, "bf16", 312, 1555},     /* SXM and PCIe */
    {"L40S", "L40S 48 GB", 48, "bf16", 362, 864},         /* 733 with sparsity */
    {"A100-80", "A100 80 GB", 80, "bf16", 312, 2039},     /* SXM; A800 is the same but for its links */
    {"H100", "H100 80 GB", 80, "bf16", 989, 3350},        /* SXM5; 756 and 2000 as PCIe */
    {"H200", "H200 141 GB", 141, "bf16", 989, 4800},
};

static const model_shape shapes[] = {
    {"bge-m3", 24, 1024, 4096, 250002, 8192, false, false, 568e6},
    {"small-m3", 12, 384, 1536, 250037, 512, false, false, 118e6},
    {"gte-multilingual-base", 12, 768, 3072, 250048, 8192, true, false, 305e6},
    {"multilingual-e5-large", 24, 1024, 4096, 250002, 512, false, false, 560e6},
    {"bge-reranker-v2-m3", 24, 1024, 4096, 250002, 8192, false, true, 568e6},
    {"gte-multilingual-reranker-base", 12, 768, 3072, 250048, 8192, true, true, 306e6},
    {"bge-reranker-base", 12, 768, 3072, 250002, 512, false, true, 278e6},
    {"bge-reranker-large", 24, 1024, 4096, 250002, 512, false, true, 560e6},
};

const card *cards_at(size_t i)
{
    return i < sizeof cards / sizeof *cards ? &cards[i] : NULL;
}

const card *cards_find(const char *name, size_t len)
{
    for (size_t i = 0; cards_at(i); i++)
        if (strlen(cards[i].name) == len && strncasecmp(cards[i].name, name, len) == 0) return &cards[i];
    return NULL;
}

const model_shape *shapes_at(size_t i)
{
    return i < sizeof shapes / sizeof *shapes ? &shapes[i] : NULL;
}

const model_shape *shapes_find(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *bare = slash ? slash + 1 : name;
    for (size_t i = 0; shapes_at(i); i++)
        if (strcasecmp(shapes[i].name, bare) == 0) return &shapes[i];
    return NULL;
}

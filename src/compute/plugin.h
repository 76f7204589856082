/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h — the treaty between the library and a card's plugin, libtrident_cuda.so.
 *
 * The library never links to CUDA: it looks for the plugin when a card is asked for (plugin.c), hands it a table of host
 * functions, and gets a table of the plugin's own, whose ops and memory are those of compute.h. Both sides must be of
 * one treaty: its number and the sizes of its tables are compared, and a stranger is refused with words.
 *
 * The plugin is the one that was named (plugin_choose), else, where there is a driver, one beside the library or program, in
 * ../lib/ beside it, or where the system's loader looks. It is opened once a process and stays. */
#ifndef TRI_COMPUTE_PLUGIN_H
#define TRI_COMPUTE_PLUGIN_H

#include "compute/compute.h"

enum { PLUGIN_ABI = 1 };
#define PLUGIN_ENTRY "trident_device_plugin"

/* What the library does for the plugin: the heap (counted, so that tests see what is not given back), words, and the packed
 * form of the CPU, which is what packed files hold and what int8 weights are quantised in. */
typedef struct plugin_host {
    uint32_t abi, bytes;
    void *(*alloc)(size_t bytes); /* NULL on failure */
    void (*free)(void *block);
    tri_status (*fail)(tri_error *err, tri_status status, const char *fmt, ...);
    tri_status (*hint)(tri_error *err, tri_status status, const char *fmt, ...);
    tri_status (*pack)(compute *c, const matrix_part *parts, size_t n_parts, size_t k, precision p, const float *smoothing,
                       packed_matrix **out, tri_error *err);
    tri_status (*adopt)(const packed_place *place, size_t n, size_t k, precision p, packed_extras extras, packed_matrix **out,
                        tri_error *err);
    void (*packed_free)(packed_matrix *m);
} plugin_host;

/* A card as it is now. */
typedef struct card_facts {
    char name[128], bus[32];
    int ordinal, major, minor, processors; /* compute capability, streaming multiprocessors */
    int driver, runtime;                   /* CUDA versions, 12080 = 12.8 */
    uint64_t bytes_total, bytes_free;
    bool runs_here; /* the plugin holds code for it */
} card_facts;

typedef struct card_options {
    int ordinal;
    bool invariant; /* a text's bits do not depend on its companions: own products alone, each sum in one order */
} card_options;

typedef struct plugin_card {
    uint32_t abi, bytes, ops_bytes, memory_bytes;
    const char *built; /* "CUDA 13.0 for 75 80 86 89 90" */
    const compute_ops *ops;
    const compute_memory *memory;
    /* TRI_ERR_NOT_FOUND where there is no driver or no such card: says which. n_cards is told either way. */
    tri_status (*look)(int ordinal, int *n_cards, card_facts *out, tri_error *err);
    /* Fills c->scratch, c->pass_rows and c->middle_rows. */
    tri_status (*open)(compute *c, const card_options *o, tri_error *err);
    void (*close)(compute *c);
} plugin_card;

typedef const plugin_card *(*plugin_entry)(const plugin_host *host);

/* Names the plugin's file for this process, before it was opened: "none" for none, NULL or "" to look for it. */
tri_status plugin_choose(const char *path, tri_error *err);
/* The plugin and where it is; TRI_ERR_NOT_FOUND where none is, TRI_ERR_MISMATCH for one of another build. */
tri_status plugin_find(const plugin_card **out, const char **path, tri_error *err);
/* compute_open for a card. */
tri_status plugin_open(const card_options *o, pool *threads, compute **out, tri_error *err);
/* compute_close's part: what only a card has. */
void plugin_close(compute *c);

#endif

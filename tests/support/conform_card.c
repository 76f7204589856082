/* SPDX-License-Identifier: Apache-2.0 */
/* conform_card.c — see conform_card.h. The op table of a card that is opened here is a twin of the real one: each op collects
 * what its arguments point to (overlapping ranges become one), copies it to the card, calls the real op with the card's
 * addresses, and copies everything back. */
#include "conform_card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compute/plugin.h"

static compute_ops real, twin;

/* ---- regions ---------------------------------------------------------------------------------------------------------- */

enum { REGIONS_MAX = 24 };
typedef struct region {
    char *host;
    size_t bytes;
    void *device;
} region;
typedef struct cargo {
    compute *c;
    region r[REGIONS_MAX];
    size_t n;
} cargo;

static void add(cargo *k, const void *host, size_t bytes)
{
    if (!host || !bytes) return;
    char *from = (char *)(uintptr_t)host, *to = from + bytes;
    for (size_t i = 0; i < k->n; i++) {
        region *r = &k->r[i];
        if (to <= r->host || from >= r->host + r->bytes) continue;
        if (r->host < from) from = r->host;
        if (r->host + r->bytes > to) to = r->host + r->bytes;
        *r = k->r[--k->n];
        i = (size_t)-1; /* the wider one may meet those before */
    }
    assert_true(k->n < REGIONS_MAX);
    k->r[k->n++] = (region){from, (size_t)(to - from), NULL};
}

static void add_tensor(cargo *k, const tensor *t)
{
    if (!t || !t->rows) return;
    size_t size = dtype_size(t->type), group = 4 / size ? 4 / size : 1, cols = (t->cols + group - 1) / group * group;
    if (t->type == DTYPE_I8) cols = t->cols;
    add(k, t->data, ((t->rows - 1) * t->ld + (cols < t->ld ? cols : t->ld)) * size);
    add(k, t->scales, t->scales ? t->rows * sizeof *t->scales : 0);
    if (t->from.data) add(k, t->from.data, ((t->rows - 1) * t->from.ld + t->cols) * dtype_size(t->from.type));
}

static void load(cargo *k)
{
    for (size_t i = 0; i < k->n; i++) {
        assert_int_equal(compute_alloc(k->c, k->r[i].bytes, &k->r[i].device, NULL), TRI_OK);
        compute_upload(k->c, k->r[i].device, k->r[i].host, k->r[i].bytes);
    }
}

static void *there(const cargo *k, const void *host)
{
    for (size_t i = 0; host && i < k->n; i++)
        if ((const char *)host >= k->r[i].host && (const char *)host < k->r[i].host + k->r[i].bytes)
            return (char *)k->r[i].device + ((const char *)host - k->r[i].host);
    return NULL;
}

static tensor moved(const cargo *k, const tensor *t)
{
    tensor m = *t;
    m.data = there(k, t->data);
    m.scales = there(k, t->scales);
    m.from.data = there(k, t->from.data);
    return m;
}

static void unload(cargo *k)
{
    tri_error err;
    for (size_t i = 0; i < k->n; i++) compute_download(k->c, k->r[i].host, k->r[i].device, k->r[i].bytes);
    if (compute_sync(k->c, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < k->n; i++) compute_free(k->c, k->r[i].device);
}

/* ---- ops -------------------------------------------------------------------------------------------------------------- */

static void twin_linear(compute *c, const tensor *x, const packed_matrix *w, const epilogue *e, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, x);
    add_tensor(&k, y);
    if (e) add_tensor(&k, e->residual);
    if (e) add(&k, e->bias, y->cols * sizeof(float));
    load(&k);
    tensor mx = moved(&k, x), my = moved(&k, y), mr = e && e->residual ? moved(&k, e->residual) : (tensor){0};
    epilogue me = {e ? there(&k, e->bias) : NULL, e ? e->act : ACT_NONE, e && e->residual ? &mr : NULL};
    real.linear(c, &mx, w, e ? &me : NULL, &my);
    unload(&k);
}

static void twin_narrow(compute *c, const tensor *x, const float *smoothing, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, x);
    add_tensor(&k, y);
    add(&k, smoothing, x->cols * sizeof(float));
    load(&k);
    tensor mx = moved(&k, x), my = moved(&k, y);
    real.narrow(c, &mx, there(&k, smoothing), &my);
    unload(&k);
}

static void add_norm(cargo *k, const float *gamma, const float *beta, const narrow_copy *also, size_t D)
{
    add(k, gamma, D * sizeof(float));
    add(k, beta, D * sizeof(float));
    if (also) add_tensor(k, &also->to);
    if (also) add(k, also->smoothing, D * sizeof(float));
}

static narrow_copy moved_copy(const cargo *k, const narrow_copy *also)
{
    return (narrow_copy){moved(k, &also->to), there(k, also->smoothing)};
}

static void twin_embed(compute *c, const embed_args *a)
{
    cargo k = {.c = c};
    const tensor *const tables[] = {&a->word, &a->position, &a->type};
    add_tensor(&k, &a->y);
    for (size_t i = 0; i < 3; i++)
        if (tables[i]->rows) add(&k, tables[i]->data, tables[i]->rows * tables[i]->ld * dtype_size(tables[i]->type));
    add_norm(&k, a->gamma, a->beta, a->also, a->y.cols);
    load(&k);
    embed_args m = *a;
    narrow_copy also = a->also ? moved_copy(&k, a->also) : (narrow_copy){0};
    m.word = moved(&k, &a->word);
    m.position = moved(&k, &a->position);
    m.type = moved(&k, &a->type);
    m.y = moved(&k, &a->y);
    m.gamma = there(&k, a->gamma);
    m.beta = there(&k, a->beta);
    m.also = a->also ? &also : NULL;
    real.embed(c, &m);
    unload(&k);
}

static void twin_layernorm(compute *c, const tensor *x, const tensor *residual, const float *gamma, const float *beta,
                           float eps, const tensor *y, const narrow_copy *also)
{
    cargo k = {.c = c};
    add_tensor(&k, x);
    add_tensor(&k, residual);
    add_tensor(&k, y);
    add_norm(&k, gamma, beta, also, x->cols);
    load(&k);
    tensor mx = moved(&k, x), my = moved(&k, y), mr = residual ? moved(&k, residual) : (tensor){0};
    narrow_copy copy = also ? moved_copy(&k, also) : (narrow_copy){0};
    real.layernorm(c, &mx, residual ? &mr : NULL, there(&k, gamma), there(&k, beta), eps, &my, also ? &copy : NULL);
    unload(&k);
}

static void twin_attention(compute *c, const attention_args *a)
{
    cargo k = {.c = c};
    attention_args m = *a;
    tensor *const to[] = {&m.q, &m.k, &m.v, &m.y};
    for (size_t i = 0; i < 4; i++) add_tensor(&k, to[i]);
    load(&k);
    for (size_t i = 0; i < 4; i++) *to[i] = moved(&k, to[i]);
    real.attention(c, &m);
    unload(&k);
}

static void twin_rotate(compute *c, const rotate_args *a)
{
    cargo k = {.c = c};
    rotate_args m = *a;
    int32_t last = 0;
    for (size_t i = 0; i < a->x.rows; i++) {
        int32_t p = a->positions[a->rows ? (size_t)a->rows[i] : i];
        if (p > last) last = p;
    }
    add_tensor(&k, &a->x);
    add(&k, a->table, ((size_t)last + 1) * (a->x.cols / a->H) * sizeof(float));
    load(&k);
    m.x = moved(&k, &a->x);
    m.table = there(&k, a->table);
    real.rotate(c, &m);
    unload(&k);
}

static void twin_glu(compute *c, const tensor *gate, const tensor *up, activation act, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, gate);
    add_tensor(&k, up);
    add_tensor(&k, y);
    load(&k);
    tensor mg = moved(&k, gate), mu = moved(&k, up), my = moved(&k, y);
    real.glu(c, &mg, &mu, act, &my);
    unload(&k);
}

static void twin_gather(compute *c, const tensor *x, const int32_t *rows, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, x);
    add_tensor(&k, y);
    load(&k);
    tensor mx = moved(&k, x), my = moved(&k, y);
    real.gather(c, &mx, rows, &my);
    unload(&k);
}

static void twin_pool(compute *c, pooling kind, const tensor *x, const int32_t *start, size_t B, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, x);
    add_tensor(&k, y);
    load(&k);
    tensor mx = moved(&k, x), my = moved(&k, y);
    real.pool(c, kind, &mx, start, B, &my);
    unload(&k);
}

static void twin_normalize(compute *c, const tensor *x, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, x);
    add_tensor(&k, y);
    load(&k);
    tensor mx = moved(&k, x), my = moved(&k, y);
    real.normalize(c, &mx, &my);
    unload(&k);
}

static void twin_dots(compute *c, const tensor *q, const tensor *docs, const float *scales, const tensor *y)
{
    cargo k = {.c = c};
    add_tensor(&k, q);
    add_tensor(&k, docs);
    add_tensor(&k, y);
    add(&k, scales, docs->rows * sizeof(float));
    load(&k);
    tensor mq = moved(&k, q), md = moved(&k, docs), my = moved(&k, y);
    real.dots(c, &mq, &md, there(&k, scales), &my);
    unload(&k);
}

static void twin_maxsim(compute *c, const tensor *q, const tensor *docs, const float *scales, const uint64_t *doc_start,
                        size_t n_docs, float *scores, int32_t *best)
{
    cargo k = {.c = c};
    add_tensor(&k, q);
    add_tensor(&k, docs);
    add(&k, scales, docs->rows * sizeof(float));
    load(&k);
    tensor mq = moved(&k, q), md = moved(&k, docs);
    real.maxsim(c, &mq, &md, there(&k, scales), doc_start, n_docs, scores, best);
    unload(&k);
}

/* ---- devices ---------------------------------------------------------------------------------------------------------- */

static bool has_card(void)
{
    static int known; /* 1: yes, 2: no */
    const plugin_card *card;
    card_facts facts;
    int n;
    const char *needed = getenv("TRI_REQUIRE");
    if (known) return known == 1;
    bool is_real = needed && strstr(needed, "gpu");
    plugin_choose(is_real ? TEST_BUILD "/libtrident_cuda.so" : TEST_BUILD "/libtrident_cuda_emulated.so", NULL);
    known = plugin_find(&card, NULL, NULL) == TRI_OK && card->look(0, &n, &facts, NULL) == TRI_OK && facts.runs_here ? 1 : 2;
    if (is_real && known == 2) fail_msg("TRI_REQUIRE=gpu, and no card can be used: trident doctor --device cuda says why");
    return known == 1;
}

const char *conform_card_name(size_t i)
{
    static const char *const names[] = {"cuda", "cuda invariant"};
    return i < sizeof names / sizeof *names && has_card() ? names[i] : NULL;
}

bool conform_card_open(const char *name, pool *threads, compute **out)
{
    tri_error err = {0};
    if (!name || strncmp(name, "cuda", 4) != 0) return false;
    const card_options how = {.ordinal = 0, .invariant = strcmp(name, "cuda") != 0};
    if (plugin_open(&how, threads, out, &err)) fail_msg("%s", err.text);
    real = *(*out)->ops;
    twin = real;
    twin.linear = twin_linear;
    twin.narrow = twin_narrow;
    twin.embed = twin_embed;
    twin.layernorm = twin_layernorm;
    twin.attention = twin_attention;
    twin.rotate = twin_rotate;
    twin.glu = twin_glu;
    twin.gather = twin_gather;
    twin.pool = twin_pool;
    twin.normalize = twin_normalize;
    twin.dots = twin_dots;
    twin.maxsim = twin_maxsim;
    (*out)->ops = &twin;
    return true;
}

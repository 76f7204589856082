/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.c — proves, on the user's own weights and machine, what silently goes wrong elsewhere.
 *
 * Each check is a small experiment that yields a figure: run the thing the wrong way on purpose (positions off by the pad
 * offset, GELU in its tanh form, the other tokenizer rules, no prompt) and show how far the vector moves. A figure that hardly
 * moves is a note: the mistake would not show. A check that contradicts itself (kernels against the plain reference, a text
 * alone against a text in company) is a failure. The probe texts are short and in several scripts; everything takes seconds on
 * a large model. */
#include "model/doctor_int.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "model/bind.h"
#include "model/embed.h"
#include "model/precision_word.h"
#include "model/text_batch.h"

static const char *const probes[] = {
    "What is BGE M3?",
    "BM25 is a bag-of-words retrieval function that ranks a set of documents by the query terms in each.",
    "\xe4\xbb\x80\xe4\xb9\x88\xe6\x98\xaf\xe7\xa8\xa0\xe5\xaf\x86\xe6\xa3\x80\xe7\xb4\xa2\xef\xbc\x9f",
    "\xd9\x85\xd8\xa7 \xd9\x87\xd9\x88 \xd8\xa7\xd9\x84\xd8\xa8\xd8\xad\xd8\xab\xd8\x9f",
    "trailing space ",
};
_Static_assert(sizeof probes / sizeof *probes == DOCTOR_PROBES, "as many probes as a visit has room for");

void doctor_report(visit *v, const char *check, int verdict, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    v->n_failed += verdict == TRI_DOCTOR_FAIL;
    v->say(v->ctx, check, verdict, line);
}

static tri_status encode(session *s, const visit *v, const char *prompt, tri_embeddings **out, tri_error *err)
{
    tri_embed_options o = {.struct_size = sizeof o, .prompt = prompt};
    return embed_run(s, &o, v->inputs, DOCTOR_PROBES, out, err);
}

/* Cosine of the dense vectors of one probe in two results: the least over the probes. */
static double least_cosine(const tri_embeddings *a, const tri_embeddings *b)
{
    double least = 1;
    for (size_t i = 0; i < DOCTOR_PROBES; i++) {
        tri_dense_view x = tri_embeddings_dense(a, i), y = tri_embeddings_dense(b, i);
        double xy = 0, xx = 0, yy = 0;
        if (!x.dim) continue; /* a model of sparse vectors alone */
        for (size_t j = 0; j < x.dim; j++) {
            xy += (double)x.values[j] * (double)y.values[j];
            xx += (double)x.values[j] * (double)x.values[j];
            yy += (double)y.values[j] * (double)y.values[j];
        }
        double cosine = xy / sqrt(xx * yy);
        if (!(cosine >= least)) least = cosine;
    }
    return least;
}

static double largest_gap(const tri_embeddings *a, const tri_embeddings *b)
{
    double gap = 0;
    for (size_t i = 0; i < DOCTOR_PROBES; i++) {
        tri_dense_view x = tri_embeddings_dense(a, i), y = tri_embeddings_dense(b, i);
        for (size_t j = 0; j < x.dim; j++) gap = fmax(gap, fabs((double)x.values[j] - (double)y.values[j]));
        tri_multi_view p = tri_embeddings_multi(a, i), q = tri_embeddings_multi(b, i);
        for (size_t j = 0; j < p.n_rows * p.dim; j++) gap = fmax(gap, fabs((double)p.rows[j] - (double)q.rows[j]));
    }
    return gap;
}

/* ---- the experiments ------------------------------------------------------------------------------------------------ */

static void check_files(visit *v)
{
    tri_model_info info = {.struct_size = sizeof info};
    model_info(v->m, &info);
    doctor_report(v, "files", TRI_DOCTOR_OK,
                  "%zu files, %.1f M parameters stored as %s, %s %zu x %zu, %zu heads, vocabulary %zu", info.n_files,
                  (double)info.n_parameters / 1e6, info.weights_dtype, info.architecture, info.layers, info.hidden, info.heads,
                  info.vocab);
}

static void check_packed(visit *v)
{
    tri_error err = {0};
    const packed_file *f = &v->m->packed;
    if (!f->path) return;
    tri_status st = packed_file_verify(f, NULL, NULL, &err);
    doctor_report(v, "packed", st ? TRI_DOCTOR_FAIL : TRI_DOCTOR_OK, "%s%s", st ? err.text : f->path,
                  st ? "" : ": every checksum holds");
}

/* The fast kernels and the plain reference are two programs: they must agree on this model. */
static tri_status check_kernels(visit *v, const tri_embeddings *base, tri_error *err)
{
    compute *ref;
    model *m = NULL;
    session *s = NULL;
    tri_embeddings *e = NULL;
    tri_model_options mo = {.struct_size = sizeof mo, .want = v->m->want, .no_tokenizer = v->m->tok == NULL};
    tri_session_options so = {.struct_size = sizeof so, .batch_tokens = 1};
    TRI_TRY(compute_open("ref", v->c->threads, &ref, err));
    const model_how how = {.p = v->m->pk.p == PRECISION_F16 ? PRECISION_F32 : v->m->pk.p}; /* f16 is a card's alone */
    tri_status st = model_open(ref, &how, v->m->log, v->m->config.dir, &mo, &m, err);
    so.max_length = st ? 0 : v->s->max_length;
    if (!st) st = session_new(m, &so, &s, err);
    if (!st) st = encode(s, v, NULL, &e, err);
    if (!st && v->m->pk.p != PRECISION_F32) {
        /* A sum in another order rounds an operand to the neighbouring value now and then. Two roundings of one network must
         * not lie further apart than either may from f32: the quality gates of bf16 and int8. */
        double cosine = least_cosine(base, e), limit = how.p == PRECISION_INT8 ? 0.998 : 0.9999;
        doctor_report(v, "kernels", cosine >= limit ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                      "%s in %s against the plain C reference in %s: least cosine %.6f (limit %g)", v->c->ops->name,
                      precision_word(v->m->pk.p), precision_word(how.p), cosine, limit);
    } else if (!st) {
        double gap = largest_gap(base, e);
        /* two f32 evaluations of one network in different orders of summation; 24 layers of BGE-M3 differ by about 1e-6 */
        doctor_report(v, "kernels", gap < 2e-5 ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                      "%s against the plain C reference: largest difference %.1e (limit 2e-5)", v->c->ops->name, gap);
    }
    tri_embeddings_free(e);
    session_free(s);
    if (m) model_close(m);
    compute_close(ref);
    return st;
}

/* Encodes probe 0 with its positions moved by `shift` rows and tells the cosine with the right vector. */
static tri_status shifted_cosine(visit *v, int32_t shift, double *cosine, tri_error *err)
{
    session *s = v->s;
    text_tokens *texts;
    tri_embed_options o = {.struct_size = sizeof o};
    arena_mark mark = arena_save(&s->scratch);
    tri_status st = text_batch_tokenize(s, &o, v->inputs, DOCTOR_PROBES, &texts, err);
    size_t D = s->m->config.hidden;
    float *rows[2] = {st ? NULL : arena_array(&s->scratch, D, sizeof(float)),
                      st ? NULL : arena_array(&s->scratch, D, sizeof(float))};
    if (!st && (!rows[0] || !rows[1])) st = err_memory(err, D * sizeof(float));
    for (int k = 0; !st && k < 2; k++) {
        uint64_t order = 0;
        text_batch_pack(s, texts, &order, 0, 1, WANT_ALL_ROWS);
        for (size_t i = 0; k && i < s->b.T; i++) {
            int32_t p = s->b.positions[i] + shift, last = (int32_t)s->m->config.positions - 1;
            s->b.positions[i] = p < 0 ? 0 : p > last ? last : p;
        }
        tensor h = s->m->kind->encode(s->m->c, s->m->enc, &s->b, &s->ws), y = tensor_f32((float *)(void *)s->ws.spare, 1, D, D);
        s->m->c->ops->pool(s->m->c, s->m->config.pool, &h, s->b.seq_start, 1, &y);
        compute_download(s->m->c, rows[k], y.data, D * sizeof(float));
        st = compute_sync(s->m->c, err);
    }
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; !st && i < D; i++) {
        ab += (double)rows[0][i] * (double)rows[1][i];
        aa += (double)rows[0][i] * (double)rows[0][i];
        bb += (double)rows[1][i] * (double)rows[1][i];
    }
    *cosine = ab / sqrt(aa * bb);
    arena_restore(&s->scratch, mark);
    return st;
}

static tri_status check_positions(visit *v, tri_error *err)
{
    const uint32_t one = 4; /* any id that is not the pad id */
    int32_t first, shift;
    v->m->kind->positions(&v->m->config, &one, 1, &first);
    shift = first > 0 ? -first : 2;
    double cosine;
    TRI_TRY(shifted_cosine(v, shift, &cosine, err));
    if (v->m->config.no_positions) {
        doctor_report(v, "positions", cosine > 0.9999 ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                      "rotary, so that only distances count: %d rows further on the vector has cosine %.6f", shift, cosine);
        return TRI_OK;
    }
    doctor_report(v, "positions", cosine < 0.9999 ? TRI_DOCTOR_OK : TRI_DOCTOR_NOTE,
                  "the first token has position row %d of %zu; counting from %d instead would give cosine %.4f", first,
                  v->m->config.positions, first + shift, cosine);
    return TRI_OK;
}

static tri_status check_activation(visit *v, const tri_embeddings *base, tri_error *err)
{
    if (v->m->config.act != ACT_GELU_ERF) {
        doctor_report(v, "activation", TRI_DOCTOR_NOTE, "config.json asks for an activation other than the exact GELU");
        return TRI_OK;
    }
    tri_embeddings *e;
    v->m->config.act = ACT_GELU_TANH; /* the doctor's own model: nobody else looks */
    tri_status st = encode(v->s, v, NULL, &e, err);
    v->m->config.act = ACT_GELU_ERF;
    if (st) return st;
    doctor_report(v, "activation", TRI_DOCTOR_OK,
                  "exact GELU (erf), as config.json says; the tanh form would move a component by up to %.1e",
                  largest_gap(base, e));
    tri_embeddings_free(e);
    return TRI_OK;
}

static void check_specials(visit *v)
{
    if (!v->m->tok) {
        doctor_report(v, "special ids", TRI_DOCTOR_FAIL, "%s", v->m->tok_error.text);
        return;
    }
    tokenizer_info info;
    tokenizer_info_get(v->m->tok, &info);
    bool fits = info.n_vocab <= v->m->config.vocab;
    doctor_report(v, "special ids", fits ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                  "cls %d, sep %d, pad %d, unk %d, mask %d; tokenizer has ids up to %zu, the embedding table %zu rows",
                  (int)info.cls, (int)info.sep, (int)info.pad, (int)info.unk, (int)info.mask, info.n_vocab - 1,
                  v->m->config.vocab);
    if (strcmp(v->m->config.model_type, "xlm-roberta") == 0 && info.pad != v->m->config.pad_id)
        doctor_report(v, "pad id", TRI_DOCTOR_FAIL, "the tokenizer's pad id is %d, config.json says %u: positions would be off",
                      (int)info.pad, v->m->config.pad_id);
}

static tri_status check_rules(visit *v, tri_error *err)
{
    tokenizer_info info;
    if (!v->m->tok) return TRI_OK;
    tokenizer_info_get(v->m->tok, &info);
    if (!info.rules_differ) {
        doctor_report(v, "tokenizer", TRI_DOCTOR_OK, "%s from %s; transformers 4 and 5 agree on it", info.kind, info.file);
        return TRI_OK;
    }
    tokenizer *other;
    tokenizer_scratch *scratch = NULL;
    TRI_TRY(tokenizer_open(v->m->config.dir, info.rules == TOKENIZER_RULES_FILE ? TOKENIZER_RULES_HF5 : TOKENIZER_RULES_FILE,
                           &other, err));
    tri_status st = tokenizer_scratch_new(&scratch, err);
    size_t n_differ = 0;
    for (size_t i = 0; !st && i < DOCTOR_PROBES; i++) {
        encode_options o = {0};
        encoding a, b;
        tri_text text = {probes[i], strlen(probes[i])};
        st = tokenizer_encode(v->m->tok, v->s->workers[0].tok, text, NULL, &o, &a, err);
        if (!st) st = tokenizer_encode(other, scratch, text, NULL, &o, &b, err);
        if (!st) n_differ += a.n != b.n || memcmp(a.ids, b.ids, a.n * sizeof *a.ids) != 0;
    }
    tokenizer_scratch_free(scratch);
    tokenizer_close(other);
    if (!st)
        doctor_report(v, "tokenizer", TRI_DOCTOR_NOTE,
                      "%s, rules \"%s\" in force; with the other rules %zu of %d probe texts get other ids (--tokenizer-rules)",
                      info.kind, info.rules == TOKENIZER_RULES_HF5 ? "hf5" : "file", n_differ, DOCTOR_PROBES);
    return st;
}

/* torch.nn.Linear starts from U(-1/sqrt(D), 1/sqrt(D)): a head that fills this interval evenly and never leaves it was never
 * trained. */
static bool looks_untrained(const weights *w, size_t D, double *largest, double *spread)
{
    const weight *t = weights_find(w, "weight");
    size_t n = t ? t->bytes / dtype_size(t->type) : 0;
    double sum = 0;
    *largest = 0;
    for (size_t i = 0; i < n; i++) {
        float x;
        dtype_to_f32(&x, (const char *)t->data + i * dtype_size(t->type), t->type, 1);
        *largest = fmax(*largest, fabs((double)x));
        sum += (double)x * (double)x;
    }
    double bound = 1 / sqrt((double)D);
    *spread = n ? sqrt(sum / (double)n) : 0;
    return n > 64 && *largest <= bound * 1.001 && *largest > bound * 0.9 && fabs(*spread / (bound / sqrt(3.0)) - 1) < 0.1;
}

static void check_head(visit *v, const char *name, const weights *w, const char *file)
{
    double largest, spread;
    if (!w) {
        doctor_report(v, name, TRI_DOCTOR_NOTE, "%s is not there: this model gives no such output", file);
        return;
    }
    char shape[128];
    const weight *t = weights_find(w, "weight");
    bool random = looks_untrained(w, v->m->config.hidden, &largest, &spread);
    doctor_report(v, name, random ? TRI_DOCTOR_FAIL : TRI_DOCTOR_OK, "%s: weight %s %s, largest %.3f, rms %.4f%s", file,
                  weight_shape_text(t, shape), dtype_name(t->type), largest, spread,
                  random ? "; this is torch's random initialisation: the head was never trained" : "");
}

static void check_outputs(visit *v, const tri_embeddings *base)
{
    double shortest = INFINITY, longest = 0;
    size_t n_sparse = 0, n_rows = 0;
    for (size_t i = 0; i < DOCTOR_PROBES; i++) {
        double length = sqrt((double)tri_score_dense(tri_embeddings_dense(base, i), tri_embeddings_dense(base, i)));
        shortest = fmin(shortest, length);
        longest = fmax(longest, length);
        n_sparse += tri_embeddings_sparse(base, i).count;
        n_rows += tri_embeddings_multi(base, i).n_rows;
    }
    doctor_report(v, "outputs", TRI_DOCTOR_OK,
                  "all finite; dense by %s pooling, length %.4f to %.4f; %zu sparse weights, %zu multi rows on %d probes",
                  pooling_name(v->m->config.pool), shortest, longest, n_sparse, n_rows, DOCTOR_PROBES);
}

static tri_status check_company(visit *v, const tri_embeddings *base, tri_error *err)
{
    size_t n_same = 0;
    for (size_t i = 0; i < DOCTOR_PROBES; i++) {
        tri_embeddings *alone;
        tri_embed_options o = {.struct_size = sizeof o};
        TRI_TRY(embed_run(v->s, &o, v->inputs + i, 1, &alone, err));
        tri_dense_view a = tri_embeddings_dense(base, i), b = tri_embeddings_dense(alone, 0);
        n_same += memcmp(a.values, b.values, a.dim * sizeof(float)) == 0;
        tri_embeddings_free(alone);
    }
    doctor_report(v, "company", n_same == DOCTOR_PROBES ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL,
                  "%zu of %d texts have the same bits alone and in a batch", n_same, DOCTOR_PROBES);
    return TRI_OK;
}

static tri_status check_prompt(visit *v, const char *name, const char *prompt, const tri_embeddings *bare, tri_error *err)
{
    if (!prompt[0]) {
        doctor_report(v, name, TRI_DOCTOR_OK, "the folder has none");
        return TRI_OK;
    }
    tri_embeddings *e;
    TRI_TRY(encode(v->s, v, prompt, &e, err));
    doctor_report(v, name, TRI_DOCTOR_NOTE, "\"%s\": texts without it get cosine %.4f at the least; use --role", prompt,
                  least_cosine(bare, e));
    tri_embeddings_free(e);
    return TRI_OK;
}

static void check_length(visit *v)
{
    doctor_report(v, "length", TRI_DOCTOR_OK,
                  "%zu tokens by the position table; texts are cut at %zu by the folder's files, counted and reported",
                  v->m->max_tokens, v->m->max_text);
}

/* ---- the visit ------------------------------------------------------------------------------------------------------- */

static void choose_inputs(visit *v)
{
    v->ids[0] = 0;
    for (size_t i = 1; i + 1 < DOCTOR_FIXED; i++)
        v->ids[i] = (uint32_t)(4 + (i * 7919) % (v->m->config.vocab > 64 ? v->m->config.vocab - 8 : 1));
    v->ids[DOCTOR_FIXED - 1] = 2 % (uint32_t)v->m->config.vocab;
    for (size_t i = 0; i < DOCTOR_PROBES; i++) {
        if (v->m->tok)
            v->inputs[i].text = (tri_text){probes[i], strlen(probes[i])};
        else
            v->inputs[i] = (tri_input){.ids = v->ids, .n_ids = DOCTOR_FIXED - 2 * i};
    }
}

/* base NULL: a reranker */
static tri_status examine(visit *v, const tri_embeddings *base, tri_error *err)
{
    check_files(v);
    check_packed(v);
    if (v->m->config.task == TASK_RERANK) return doctor_pairs(v, err);
    TRI_TRY(check_kernels(v, base, err));
    TRI_TRY(check_positions(v, err));
    TRI_TRY(check_activation(v, base, err));
    check_specials(v);
    TRI_TRY(check_rules(v, err));
    check_head(v, "sparse head", v->m->sparse.w, v->m->sparse_path);
    check_head(v, "multi head", v->m->multi.w, v->m->multi_path);
    check_outputs(v, base);
    TRI_TRY(check_company(v, base, err));
    if (v->m->tok) {
        TRI_TRY(check_prompt(v, "query prompt", v->m->config.prompt_query, base, err));
        TRI_TRY(check_prompt(v, "passage prompt", v->m->config.prompt_passage, base, err));
    }
    check_length(v);
    return TRI_OK;
}

tri_status doctor_run(compute *c, precision p, log_hook log, const char *path, tri_doctor_fn say, void *ctx, size_t *n_failed,
                      tri_error *err)
{
    visit v = {.c = c, .say = say, .ctx = ctx};
    tri_model_options mo = {.struct_size = sizeof mo};
    tri_session_options so = {.struct_size = sizeof so};
    tri_embeddings *base = NULL;
    const model_how how = {.p = p};
    TRI_TRY(model_open(c, &how, log, path, &mo, &v.m, err));
    so.max_length = v.m->max_text < 512 ? v.m->max_text : 512; /* the probes are short */
    tri_status st = session_new(v.m, &so, &v.s, err);
    choose_inputs(&v);
    if (!st && v.m->config.task != TASK_RERANK) st = encode(v.s, &v, NULL, &base, err);
    if (!st) st = examine(&v, base, err);
    *n_failed = v.n_failed;
    tri_embeddings_free(base);
    session_free(v.s);
    model_close(v.m);
    return st;
}

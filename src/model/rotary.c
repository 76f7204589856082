/* SPDX-License-Identifier: Apache-2.0 */
/* rotary.c — frequencies by Alibaba's NTK rule and transformers' linear one; spec of the keys in arch_gte.c.
 *
 * "dynamic" scaling (transformers) is plain up to max_position_embeddings tokens and changes theta beyond; texts are cut there,
 * so it is plain. */
#include "model/rotary.h"

#include <math.h>
#include <string.h>

#include "base/err.h"

tri_status rotary_check(const rotary *r, const model_config *c, tri_error *err)
{
    if (!(r->theta > 0) || !isfinite(r->theta) || !(r->divisor > 0) || !isfinite(r->divisor))
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: rotary positions with theta %g and divisor %g", c->file,
                       r->theta, r->divisor);
    if (c->positions > LIMIT_ROTARY_POSITIONS)
        return err_set(err, TRI_ERR_LIMIT, "could not use %s: \"max_position_embeddings\" is %zu, the limit is %u", c->file,
                       c->positions, LIMIT_ROTARY_POSITIONS);
    if (c->hidden / c->heads % 2)
        return err_set(err, TRI_ERR_FORMAT, "could not use %s: rotary positions need heads of even width, these have %zu",
                       c->file, c->hidden / c->heads);
    return TRI_OK;
}

static tri_status read_factor(const json_t *o, const model_config *c, double *factor, tri_error *err)
{
    TRI_TRY(json_get_f64(o, "factor", c->file, 0, factor, err));
    if (*factor > 0 && isfinite(*factor)) return TRI_OK;
    return err_set(err, TRI_ERR_FORMAT, "could not use %s: the \"factor\" of rotary scaling is %g", c->file, *factor);
}

static tri_status scale_ntk(const json_t *o, const model_config *c, double s, rotary *out, tri_error *err)
{
    double half = (double)(c->hidden / c->heads) / 2, b;
    if (s <= 1) return TRI_OK;
    TRI_TRY(json_get_f64(o, "mixed_b", c->file, NAN, &b, err));
    if (isnan(b)) {
        out->theta *= s;
        out->divisor = pow(s, 1 / half);
    } else {
        out->mixed_a = log(s) / pow(half, b);
        out->mixed_b = b;
    }
    return TRI_OK;
}

/* o: rope_scaling or rope_parameters; NULL or null = none */
static tri_status scale(const json_t *o, const char *kind, const model_config *c, rotary *out, tri_error *err)
{
    double factor;
    if (strcmp(kind, "default") == 0 || strcmp(kind, "dynamic") == 0) return TRI_OK;
    if (strcmp(kind, "ntk") != 0 && strcmp(kind, "linear") != 0)
        return err_set(err, TRI_ERR_UNSUPPORTED,
                       "could not use %s: rotary scaling \"%s\"; default, linear, ntk and dynamic are computed", c->file, kind);
    TRI_TRY(read_factor(o, c, &factor, err));
    if (kind[0] == 'n') return scale_ntk(o, c, factor, out, err);
    out->divisor = factor;
    return TRI_OK;
}

tri_status rotary_parameters(const json_t *o, const model_config *c, double theta, rotary *out, tri_error *err)
{
    const char *kind;
    *out = (rotary){.on = true, .divisor = 1};
    TRI_TRY(json_get_f64(o, "rope_theta", c->file, theta, &out->theta, err));
    TRI_TRY(json_get_str(o, "rope_type", c->file, "default", &kind, err));
    TRI_TRY(scale(o, kind, c, out, err));
    return rotary_check(out, c, err);
}

tri_status rotary_config(const json_t *o, const model_config *c, double theta, rotary *out, tri_error *err)
{
    const json_t *parameters = json_object_get(o, "rope_parameters"), *scaling = json_object_get(o, "rope_scaling");
    const char *kind;
    if (json_is_object(parameters)) return rotary_parameters(parameters, c, theta, out, err);
    *out = (rotary){.on = true, .divisor = 1};
    TRI_TRY(json_get_f64(o, "rope_theta", c->file, theta, &out->theta, err));
    TRI_TRY(json_get_str(scaling, "type", c->file, NULL, &kind, err));
    if (!kind) TRI_TRY(json_get_str(scaling, "rope_type", c->file, "default", &kind, err));
    TRI_TRY(scale(scaling, kind, c, out, err));
    return rotary_check(out, c, err);
}

static float frequency(const rotary *r, size_t i, size_t dh)
{
    float f = 1.0f / powf((float)r->theta, (float)(2 * i) / (float)dh);
    f /= (float)r->divisor;
    if (r->mixed_a != 0) f /= expf((float)r->mixed_a * powf((float)(i + 1), (float)r->mixed_b));
    return f;
}

void rotary_table(const rotary *r, size_t positions, size_t dh, float *out)
{
    size_t half = dh / 2;
    for (size_t i = 0; i < half; i++) {
        float f = frequency(r, i, dh);
        for (size_t p = 0; p < positions; p++) {
            float angle = (float)p * f;
            out[p * dh + i] = cosf(angle);
            out[p * dh + half + i] = sinf(angle);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* arch_bert.c — BERT: positions count from 0, two token types, prefix "" or "bert.".
 *
 * Covers bge-*-en/zh, MiniLM, multilingual-e5-small (which has XLM-R's tokenizer: the position rule follows the architecture,
 * never the tokenizer). The pooler and the pre-training heads that many files carry are not read. */
#include "model/postln.h"

static size_t max_tokens(const model_config *c)
{
    return c->positions;
}

static void positions(const model_config *c, const uint32_t *ids, size_t n, int32_t *out)
{
    (void)c;
    (void)ids;
    for (size_t i = 0; i < n; i++) out[i] = (int32_t)i;
}

static tri_status bind(packing *pk, const model_config *config, const weights *w, encoder **out, tri_error *err)
{
    static const char *const prefixes[] = {"", "bert.", "model.", NULL};
    return postln_bind(pk, config, w, prefixes, out, err);
}

extern const arch arch_bert;
const arch arch_bert = {"bert", "bert", max_tokens, positions, bind, postln_drop, postln_workspace, postln_encode};

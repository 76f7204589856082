/* SPDX-License-Identifier: Apache-2.0 */
/* template.h — which special tokens stand around the text, and which type ids do the parts get? */
#ifndef TRI_TOKENIZER_TEMPLATE_H
#define TRI_TOKENIZER_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"
#include "tokenizer/list_grow.h"

typedef enum { PART_SPECIAL, PART_A, PART_B } part_kind;
typedef struct template_part {
    part_kind kind;
    uint32_t id; /* PART_SPECIAL */
    uint8_t type_id;
} template_part;

enum { TEMPLATE_PARTS_MAX = 64 }; /* real templates have up to 7 */
typedef struct template_list {
    template_part parts[TEMPLATE_PARTS_MAX];
    size_t n, n_special;
} template_list;

typedef struct template_rule {
    template_list single, pair;
} template_rule;

/* Text alone, pair after text with type ids 0 and 1: what the reference does without a post-processor. */
void template_init(template_rule *t);
/* tokenizer.json's post_processor: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, a Sequence of these with
 * one that adds tokens; another type is TRI_ERR_UNSUPPORTED by name. */
tri_status template_parse(template_rule *t, const json_t *json, tri_error *err);
/* <s> A </s> and <s> A </s></s> B </s>, all of type 0 */
void template_make_roberta(template_rule *t, uint32_t cls, uint32_t sep);
/* [CLS] A [SEP] and [CLS] A [SEP] B [SEP], with B and what follows of type 1 */
void template_make_bert(template_rule *t, uint32_t cls, uint32_t sep);
/* The highest special id, or TOKEN_NONE without one. */
uint32_t template_highest(const template_rule *t);

/* Writes the whole into ids and type_ids, which have room for a, b and the specials. Returns the number of tokens. */
size_t template_apply(const template_list *t, const u32_list *a, const u32_list *b, bool no_specials, uint32_t *ids,
                      uint8_t *type_ids);

#endif

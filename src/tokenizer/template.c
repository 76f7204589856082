/* SPDX-License-Identifier: Apache-2.0 */
/* template.c — every post-processor of the reference as one list of parts for a single text and one for a pair.
 *
 * RoBERTa's pair has two separators in the middle and no second type; BERT's gives B and the last separator type 1. Without
 * special tokens the parts that are text keep their type ids. A Sequence is accepted when at most one of its members adds
 * tokens. */
#include "tokenizer/template.h"

#include <string.h>

#include "base/err.h"
#include "formats/json.h"
#include "tokenizer/tokenizer.h"

static void add(template_list *t, part_kind kind, uint32_t id, uint8_t type_id)
{
    t->parts[t->n++] = (template_part){kind, id, type_id};
    t->n_special += kind == PART_SPECIAL;
}

static void add_text(template_list *t, part_kind kind, uint8_t type_id)
{
    add(t, kind, TOKEN_NONE, type_id);
}

void template_init(template_rule *t)
{
    memset(t, 0, sizeof *t);
    add_text(&t->single, PART_A, 0);
    add_text(&t->pair, PART_A, 0);
    add_text(&t->pair, PART_B, 1);
}

static void make_classic(template_rule *t, uint32_t cls, uint32_t sep, bool roberta)
{
    memset(t, 0, sizeof *t);
    template_list *const both[] = {&t->single, &t->pair};
    for (int i = 0; i < 2; i++) {
        add(both[i], PART_SPECIAL, cls, 0);
        add_text(both[i], PART_A, 0);
        add(both[i], PART_SPECIAL, sep, 0);
    }
    if (roberta) add(&t->pair, PART_SPECIAL, sep, 0);
    add_text(&t->pair, PART_B, roberta ? 0 : 1);
    add(&t->pair, PART_SPECIAL, sep, roberta ? 0 : 1);
}

void template_make_roberta(template_rule *t, uint32_t cls, uint32_t sep)
{
    make_classic(t, cls, sep, true);
}

void template_make_bert(template_rule *t, uint32_t cls, uint32_t sep)
{
    make_classic(t, cls, sep, false);
}

uint32_t template_highest(const template_rule *t)
{
    uint32_t highest = TOKEN_NONE;
    const template_list *const both[] = {&t->single, &t->pair};
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < both[i]->n; k++) {
            const template_part *p = &both[i]->parts[k];
            if (p->kind == PART_SPECIAL && (highest == TOKEN_NONE || p->id > highest)) highest = p->id;
        }
    }
    return highest;
}

/* ---- tokenizer.json ---- */

/* "sep": ["</s>", 2] */
static tri_status parse_named_id(const json_t *object, const char *key, const char *what, uint32_t *id, tri_error *err)
{
    const json_t *value = json_array_get(json_object_get(object, key), 1);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= TOKEN_NONE)
        return err_set(err, TRI_ERR_FORMAT, "post-processor %s: %s is not [token, id]", what, key);
    *id = (uint32_t)json_integer_value(value);
    return TRI_OK;
}

static tri_status parse_classic(template_rule *t, const json_t *object, const char *what, bool roberta, tri_error *err)
{
    uint32_t cls = 0, sep = 0;
    TRI_TRY(parse_named_id(object, "cls", what, &cls, err));
    TRI_TRY(parse_named_id(object, "sep", what, &sep, err));
    make_classic(t, cls, sep, roberta);
    return TRI_OK;
}

static const char in_template[] = "post-processor TemplateProcessing";

/* The ids of a special token; most have one. */
static tri_status add_special(template_list *t, const json_t *tokens, const char *name, uint8_t type_id, tri_error *err)
{
    const json_t *ids = json_object_get(json_object_get(tokens, name), "ids");
    if (!json_is_array(ids)) return err_set(err, TRI_ERR_FORMAT, "%s: special token \"%s\" has no ids", in_template, name);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= TOKEN_NONE)
            return err_set(err, TRI_ERR_FORMAT, "%s: special token \"%s\" has an id that is none", in_template, name);
        if (t->n == TEMPLATE_PARTS_MAX)
            return err_set(err, TRI_ERR_LIMIT, "%s: more than %d parts", in_template, TEMPLATE_PARTS_MAX);
        add(t, PART_SPECIAL, (uint32_t)json_integer_value(id), type_id);
    }
    return TRI_OK;
}

static tri_status parse_part(template_list *t, const json_t *part, const json_t *tokens, bool pair, tri_error *err)
{
    const json_t *special = json_object_get(part, "SpecialToken"), *text = json_object_get(part, "Sequence");
    const json_t *body = special ? special : text;
    const char *name;
    size_t type_id = 0;
    if (!json_is_object(body))
        return err_set(err, TRI_ERR_FORMAT, "%s: a part is neither SpecialToken nor Sequence", in_template);
    TRI_TRY(json_get_str(body, "id", in_template, "", &name, err));
    TRI_TRY(json_get_size(body, "type_id", in_template, 0, 0, UINT8_MAX, &type_id, err));
    if (special) return add_special(t, tokens, name, (uint8_t)type_id, err);
    bool a = !strcmp(name, "A"), b = !strcmp(name, "B");
    if (!a && !(b && pair)) return err_set(err, TRI_ERR_FORMAT, "%s: no sequence is named \"%s\" here", in_template, name);
    if (t->n == TEMPLATE_PARTS_MAX)
        return err_set(err, TRI_ERR_LIMIT, "%s: more than %d parts", in_template, TEMPLATE_PARTS_MAX);
    add_text(t, a ? PART_A : PART_B, (uint8_t)type_id);
    return TRI_OK;
}

static size_t count_texts(const template_list *t, part_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->parts[i].kind == kind;
    return n;
}

static tri_status parse_list(template_list *t, const json_t *object, const char *key, tri_error *err)
{
    const json_t *list = json_object_get(object, key), *tokens = json_object_get(object, "special_tokens");
    bool pair = !strcmp(key, "pair");
    if (!json_is_array(list)) return err_set(err, TRI_ERR_FORMAT, "%s: %s is not a list", in_template, key);
    t->n = t->n_special = 0;
    for (size_t i = 0; i < json_array_size(list); i++) TRI_TRY(parse_part(t, json_array_get(list, i), tokens, pair, err));
    if (count_texts(t, PART_A) != 1 || count_texts(t, PART_B) != (pair ? 1 : 0))
        return err_set(err, TRI_ERR_UNSUPPORTED, "%s: %s does not hold each sequence once", in_template, key);
    return TRI_OK;
}

/* One member; *adds = it may add tokens. */
static tri_status parse_one(template_rule *t, const json_t *object, bool *adds, tri_error *err)
{
    const char *type;
    if (!json_is_object(object)) return err_set(err, TRI_ERR_FORMAT, "a post-processor is not an object");
    TRI_TRY(json_get_str(object, "type", "post-processor", "", &type, err));
    *adds = strcmp(type, "ByteLevel") != 0; /* it moves offsets only */
    if (!*adds) return TRI_OK;
    if (!strcmp(type, "BertProcessing")) return parse_classic(t, object, type, false, err);
    if (!strcmp(type, "RobertaProcessing")) return parse_classic(t, object, type, true, err);
    if (!strcmp(type, "TemplateProcessing")) {
        TRI_TRY(parse_list(&t->single, object, "single", err));
        return parse_list(&t->pair, object, "pair", err);
    }
    return err_set(err, TRI_ERR_UNSUPPORTED, "post-processor of type \"%s\" is not supported", type);
}

tri_status template_parse(template_rule *t, const json_t *json, tri_error *err)
{
    template_init(t);
    bool adds = false;
    if (!json || json_is_null(json)) return TRI_OK;
    const json_t *type = json_object_get(json, "type");
    if (!json_is_string(type) || strcmp(json_string_value(type), "Sequence")) return parse_one(t, json, &adds, err);
    const json_t *list = json_object_get(json, "processors");
    if (!json_is_array(list)) return err_set(err, TRI_ERR_FORMAT, "post-processor Sequence: processors is not a list");
    size_t n_adding = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRI_TRY(parse_one(t, json_array_get(list, i), &adds, err));
        n_adding += adds;
    }
    if (n_adding > 1) return err_set(err, TRI_ERR_UNSUPPORTED, "post-processor Sequence: %zu members add tokens", n_adding);
    return TRI_OK;
}

/* ---- use ---- */

size_t template_apply(const template_list *t, const u32_list *a, const u32_list *b, bool no_specials, uint32_t *ids,
                      uint8_t *type_ids)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const template_part *p = &t->parts[i];
        const uint32_t *from = &p->id;
        size_t count = no_specials ? 0 : 1;
        if (p->kind != PART_SPECIAL) {
            const u32_list *text = p->kind == PART_A ? a : b;
            from = text->v;
            count = text->n;
        }
        if (!count) continue;
        memcpy(ids + n, from, count * sizeof *ids);
        memset(type_ids + n, p->type_id, count);
        n += count;
    }
    return n;
}

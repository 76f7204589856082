/* SPDX-License-Identifier: Apache-2.0 */
/* plan_read.c — a plan's YAML (libyaml's document tree) into a plan: every key is known or refused by name and line.
 *
 * The tree is walked by the plan's own shape, three levels deep, never by its own: an alias may make it a circle. A text of a
 * plan is short; PLAN_BYTES bounds it. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/number.h"
#include "lab/plan.h"

enum { PLAN_BYTES_MAX = 1 << 18 };

typedef struct reader {
    plan *p;
    yaml_document_t doc;
    plan_version defaults;
    tri_error *err;
} reader;

/* ---- nodes -------------------------------------------------------------------------------------------------------- */

static tri_status fail(reader *r, const yaml_node_t *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static tri_status fail(reader *r, const yaml_node_t *at, const char *fmt, ...)
{
    char words[400];
    va_list list;
    va_start(list, fmt);
    vsnprintf(words, sizeof words, fmt, list);
    va_end(list);
    return err_set(r->err, TRI_ERR_FORMAT, "%s:%zu: %s", r->p->path, at ? at->start_mark.line + 1 : 1, words);
}

static const yaml_node_t *node(reader *r, int place)
{
    return yaml_document_get_node(&r->doc, place);
}

static const char *text_of(const yaml_node_t *n)
{
    return (const char *)n->data.scalar.value;
}

/* A scalar that says something, as text of the plan's. */
static tri_status read_text(reader *r, const yaml_node_t *n, const char *what, const char **out)
{
    if (n->type != YAML_SCALAR_NODE) return fail(r, n, "%s is a list or a map; one value is needed", what);
    if (memchr(text_of(n), 0, n->data.scalar.length)) return fail(r, n, "%s holds U+0000", what);
    if (!n->data.scalar.length) return fail(r, n, "%s has no value", what);
    *out = arena_copy(&r->p->memory, text_of(n), n->data.scalar.length);
    return *out ? TRI_OK : err_memory(r->err, n->data.scalar.length);
}

typedef tri_status (*pair_fn)(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value);

static bool is_twice(reader *r, const yaml_node_t *map, const yaml_node_pair_t *pair, const yaml_node_t *key)
{
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *other = node(r, p->key);
        if (other->type == YAML_SCALAR_NODE && other->data.scalar.length == key->data.scalar.length &&
            memcmp(text_of(other), text_of(key), key->data.scalar.length) == 0)
            return true;
    }
    return false;
}

/* fn for every pair of a map, keys being words that are there once. */
static tri_status each_pair(reader *r, const yaml_node_t *map, const char *what, pair_fn fn, void *ctx)
{
    if (map->type != YAML_MAPPING_NODE) return fail(r, map, "%s is no map of keys and values", what);
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = node(r, p->key);
        const char *word;
        TRI_TRY(read_text(r, key, "a key", &word));
        if (is_twice(r, map, p, key)) return fail(r, key, "the key \"%s\" is there twice", word);
        TRI_TRY(fn(r, ctx, word, key, node(r, p->value)));
    }
    return TRI_OK;
}

/* A list of words, or one word alone. */
static tri_status read_words(reader *r, const yaml_node_t *n, const char *what, plan_words *out)
{
    size_t count = n->type == YAML_SEQUENCE_NODE ? (size_t)(n->data.sequence.items.top - n->data.sequence.items.start) : 1;
    if (!count) return fail(r, n, "%s is an empty list", what);
    out->items = arena_array(&r->p->memory, count, sizeof *out->items);
    if (!out->items) return err_memory(r->err, count * sizeof *out->items);
    for (out->n = 0; out->n < count; out->n++) {
        const yaml_node_t *item = n->type == YAML_SEQUENCE_NODE ? node(r, n->data.sequence.items.start[out->n]) : n;
        TRI_TRY(read_text(r, item, what, &out->items[out->n]));
    }
    return TRI_OK;
}

static tri_status read_joined(reader *r, const yaml_node_t *n, const char *what, const char **out)
{
    plan_words words;
    TRI_TRY(read_words(r, n, what, &words));
    *out = words.items[0];
    for (size_t i = 1; i < words.n; i++) {
        *out = arena_printf(&r->p->memory, "%s,%s", *out, words.items[i]);
        if (!*out) return err_memory(r->err, 0);
    }
    return TRI_OK;
}

/* ---- words that are none ------------------------------------------------------------------------------------------ */

typedef struct word_lists {
    const char *const *lists[2]; /* each ended by NULL */
    unsigned kinds;              /* of the settings that count too; 0 = none */
    bool defaults_only;
} word_lists;

static const char *word_at(void *ctx, size_t i)
{
    const word_lists *w = ctx;
    for (size_t k = 0; k < 2; k++)
        for (const char *const *p = w->lists[k]; p && *p; p++)
            if (i-- == 0) return *p;
    for (size_t k = 0; k < PLAN_SETTINGS && w->kinds; k++) {
        if (!(plan_keys[k].kinds & w->kinds) || (w->defaults_only && !plan_keys[k].is_default)) continue;
        if (i-- == 0) return plan_keys[k].name;
    }
    return NULL;
}

static tri_status unknown(reader *r, const yaml_node_t *at, const char *key, const char *where, word_lists *words)
{
    const char *near_word = nearest_word(key, word_at, words);
    fail(r, at, "unknown key \"%s\" in %s", key, where);
    if (near_word) return err_hint(r->err, TRI_ERR_FORMAT, "did you mean \"%s\"?", near_word);
    return err_hint(r->err, TRI_ERR_FORMAT, "docs/plan.md lists the keys");
}

/* ---- settings ----------------------------------------------------------------------------------------------------- */

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words;; p++) {
        size_t len = strcspn(p, "|");
        if (len == n && strncmp(p, word, n) == 0) return true;
        p += len;
        if (!*p) return false;
    }
}

static tri_status find_file(reader *r, const yaml_node_t *n, const char *what, const char **out)
{
    const char *name;
    TRI_TRY(read_text(r, n, what, &name));
    if (name[0] != '/') name = arena_printf(&r->p->memory, "%s/%s", r->p->folder, name);
    if (!name) return err_memory(r->err, 0);
    if (!file_exists(name)) return fail(r, n, "%s: there is no file %s", what, name);
    char whole[PATH_MAX];
    if (!realpath(name, whole)) return fail(r, n, "%s: could not find the folder of %s", what, name);
    *out = arena_copy(&r->p->memory, whole, strlen(whole));
    return *out ? TRI_OK : err_memory(r->err, strlen(whole));
}

/* A model or a reranker: a folder beside the plan, or whatever `trident` knows by this name. */
static tri_status find_model(reader *r, const char **name)
{
    const char *beside = arena_printf(&r->p->memory, "%s/%s", r->p->folder, *name);
    char whole[PATH_MAX];
    if (!beside) return err_memory(r->err, 0);
    if ((*name)[0] == '/' || (!file_is_dir(beside) && !file_exists(beside)) || !realpath(beside, whole)) return TRI_OK;
    *name = arena_copy(&r->p->memory, whole, strlen(whole));
    return *name ? TRI_OK : err_memory(r->err, strlen(whole));
}

static bool is_threshold(const char *text)
{
    size_t n = strncmp(text, "meanstd:", 8) == 0 ? 8 : strncmp(text, "max:", 4) == 0 ? 4 : 0;
    double value;
    return n && number_parse_f64(text + n, strlen(text + n), &value);
}

static tri_status check_text(reader *r, const yaml_node_t *n, plan_setting s, plan_version *v)
{
    const char *text = v->value[s];
    if (s == PLAN_HEADS && !plan_parse_heads(text, &v->heads))
        return fail(r, n, "heads takes dense, sparse and multi joined by +, such as dense+sparse; got \"%s\"", text);
    if (s == PLAN_MODEL || s == PLAN_RERANK) return find_model(r, &v->value[s]);
    if (s == PLAN_SHA256 && (strlen(text) != 64 || strspn(text, "0123456789abcdefABCDEF") != 64))
        return fail(r, n, "sha256 takes 64 hexadecimal digits, got \"%s\"", text);
    if (s == PLAN_THRESHOLD && !is_threshold(text))
        return fail(r, n, "threshold takes meanstd:A or max:M with a number, got \"%s\"", text);
    return TRI_OK;
}

static tri_status read_setting(reader *r, const yaml_node_t *n, plan_setting s, plan_version *v)
{
    const plan_key *key = &plan_keys[s];
    uint64_t whole;
    double number;
    if (key->type == PLAN_FILE) return find_file(r, n, key->name, &v->value[s]);
    TRI_TRY(key->type == PLAN_LIST ? read_joined(r, n, key->name, &v->value[s]) : read_text(r, n, key->name, &v->value[s]));
    const char *text = v->value[s];
    size_t len = strlen(text);
    switch (key->type) {
    case PLAN_COUNT:
        if (number_parse_u64(text, len, &whole) && whole <= INT32_MAX) return TRI_OK;
        return fail(r, n, "%s takes a whole number, got \"%s\"", key->name, text);
    case PLAN_NUMBER:
        if (number_parse_f64(text, len, &number)) return TRI_OK;
        return fail(r, n, "%s takes a number, got \"%s\"", key->name, text);
    case PLAN_BYTES:
        if (number_parse_size(text, &whole)) return TRI_OK;
        return fail(r, n, "%s takes a size such as 512m or 4g, got \"%s\"", key->name, text);
    case PLAN_CHOICE:
        if (has_word(key->words, text)) return TRI_OK;
        return fail(r, n, "%s is one of %s, got \"%s\"", key->name, key->words, text);
    default:
        return check_text(r, n, s, v);
    }
}

static int find_setting(const char *key)
{
    for (int i = 0; i < PLAN_SETTINGS; i++)
        if (strcmp(plan_keys[i].name, key) == 0) return i;
    return -1;
}

/* ---- hooks, environment, devices ---------------------------------------------------------------------------------- */

static tri_status read_hook(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value)
{
    static const char *const names[] = {"on_done", "on_fail", NULL};
    word_lists words = {.lists = {names}};
    plan_hooks *hooks = ctx;
    if (strcmp(key, "on_done") == 0) return read_text(r, value, key, &hooks->on_done);
    if (strcmp(key, "on_fail") == 0) return read_text(r, value, key, &hooks->on_fail);
    return unknown(r, at, key, "hooks", &words);
}

static tri_status read_variable(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value)
{
    plan_words *env = ctx;
    const char *text;
    if (strchr(key, '=')) return fail(r, at, "env: \"%s\" is no name of a variable", key);
    TRI_TRY(read_text(r, value, key, &text));
    if (env->n == PLAN_ENV_MAX) return fail(r, at, "env holds more than %d variables", PLAN_ENV_MAX);
    const char *line = arena_printf(&r->p->memory, "%s=%s", key, text);
    const char **items = arena_array(&r->p->memory, env->n + 1, sizeof *items);
    if (!line || !items) return err_memory(r->err, strlen(text));
    if (env->n) memcpy(items, env->items, env->n * sizeof *items);
    items[env->n++] = line;
    env->items = items;
    return TRI_OK;
}

static tri_status read_devices(reader *r, const yaml_node_t *n, plan_words *out)
{
    TRI_TRY(read_words(r, n, "devices", out));
    for (size_t i = 0; i < out->n; i++)
        if (!plan_is_device(out->items[i]))
            return fail(r, n, "\"%s\" is no device: cpu, cpu:0-3 (these cores) and cuda:0 are", out->items[i]);
    return TRI_OK;
}

/* ---- versions ----------------------------------------------------------------------------------------------------- */

static const char *const version_names[] = {"blend", "devices", "hooks", "env", "serve", "train", NULL};
static const char *const kind_words[] = {[PLAN_SEARCH] = "a search", [PLAN_GIVEN] = "a given run", [PLAN_BLEND] = "a blend"};

static tri_status refuse_what_is_not_there(reader *r, plan_version *v, const char *key, const yaml_node_t *value)
{
    bool is_serve = strcmp(key, "serve") == 0;
    if (is_serve && value->type == YAML_SCALAR_NODE && strcmp(text_of(value), "false") == 0) return TRI_OK;
    v->refused = arena_printf(&r->p->memory, "%s:%zu: `%s:` cannot be run yet: %s", r->p->path, value->start_mark.line + 1, key,
                              is_serve ? "trident has no server; a version's port is handed to it as TRIDENT_PORT"
                                       : "trident has no training; fine-tune elsewhere and name the folder as the model");
    return v->refused ? TRI_OK : err_memory(r->err, 0);
}

static tri_status read_version_key(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value)
{
    plan_version *v = ctx;
    int s = find_setting(key);
    if (s >= 0 && !(plan_keys[s].kinds & v->kind)) return fail(r, at, "%s means nothing to %s", key, kind_words[v->kind]);
    if (s >= 0) return read_setting(r, value, (plan_setting)s, v);
    if (strcmp(key, "blend") == 0) return read_words(r, value, key, &v->blend);
    if (strcmp(key, "devices") == 0) return read_devices(r, value, &v->devices);
    if (strcmp(key, "hooks") == 0) return each_pair(r, value, key, read_hook, &v->hooks);
    if (strcmp(key, "env") == 0) return each_pair(r, value, key, read_variable, &v->env);
    if (strcmp(key, "serve") == 0 || strcmp(key, "train") == 0) return refuse_what_is_not_there(r, v, key, value);
    word_lists words = {.lists = {version_names}, .kinds = v->kind};
    char where[128];
    snprintf(where, sizeof where, "version %.100s", v->name);
    return unknown(r, at, key, where, &words);
}

static bool has_key(reader *r, const yaml_node_t *map, const char *name)
{
    if (map->type != YAML_MAPPING_NODE) return false;
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = node(r, p->key);
        if (key->type == YAML_SCALAR_NODE && strcmp(text_of(key), name) == 0) return true;
    }
    return false;
}

/* Beside the versions' folders lie the run's own: its files, its indexes, its cache with its journals. */
static bool is_taken_name(const char *name)
{
    static const char *const names[] = {"plan.yaml", "run.json",  "sessions.json", "devices.json",
                                        "lock",      "hooks.log", "gpu.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0) return true;
    return strncasecmp(name, "index-", 6) == 0 || strncasecmp(name, "scores.db", 9) == 0;
}

/* A version's name is a folder's. */
static bool is_name(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@";
    size_t n = strlen(name);
    return n && n <= 100 && strspn(name, good) == n && name[0] != '.' && name[0] != '-';
}

bool plan_is_version_name(const char *name)
{
    return is_name(name) && !is_taken_name(name);
}

static tri_status read_version(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value)
{
    (void)ctx;
    plan *p = r->p;
    plan_version *v = &p->versions[p->n_versions];
    if (!is_name(key))
        return fail(r, at, "\"%s\" cannot name a version: letters, digits and ._-+@ can, the first of them no . or -", key);
    if (is_taken_name(key)) return fail(r, at, "\"%s\" cannot name a version: a file of the run's folder is called so", key);
    *v = (plan_version){.name = key, .line = at->start_mark.line + 1, .heads = PLAN_DENSE};
    v->value[PLAN_ALLOW_TRUNCATION] = r->defaults.value[PLAN_ALLOW_TRUNCATION];
    v->kind = has_key(r, value, "run") ? PLAN_GIVEN : has_key(r, value, "blend") ? PLAN_BLEND : PLAN_SEARCH;
    if (v->kind == PLAN_SEARCH) {
        memcpy(v->value, r->defaults.value, sizeof v->value);
        v->heads = r->defaults.heads;
    }
    if (has_key(r, value, "run") && has_key(r, value, "blend")) return fail(r, at, "version %s is both a run and a blend", key);
    TRI_TRY(each_pair(r, value, key, read_version_key, v));
    p->n_versions++;
    return TRI_OK;
}

static tri_status read_versions(reader *r, const yaml_node_t *map)
{
    if (map->type != YAML_MAPPING_NODE) return fail(r, map, "versions is no map of names and settings");
    size_t n = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
    r->p->versions = arena_array(&r->p->memory, n, sizeof *r->p->versions);
    if (!r->p->versions) return err_memory(r->err, n * sizeof *r->p->versions);
    return each_pair(r, map, "versions", read_version, NULL);
}

/* ---- the top level ------------------------------------------------------------------------------------------------ */

static tri_status read_data(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value)
{
    static const char *const names[] = {"corpus", "queries", "qrels", "sample", NULL};
    const char **const fields[] = {&r->p->corpus, &r->p->queries, &r->p->qrels, &r->p->sample};
    word_lists words = {.lists = {names}};
    (void)ctx;
    for (size_t i = 0; names[i]; i++)
        if (strcmp(key, names[i]) == 0) return find_file(r, value, key, fields[i]);
    return unknown(r, at, key, "data", &words);
}

static tri_status read_money(reader *r, const char *key, const yaml_node_t *value)
{
    plan *p = r->p;
    plan_bill bill;
    double price;
    const char *text;
    TRI_TRY(read_text(r, value, key, &text));
    if (strcmp(key, "price") == 0) p->price_said = text;
    if (strcmp(key, "bill") == 0) p->bill_said = text;
    if (strcmp(key, "deadline") == 0)
        return plan_parse_deadline(text, &p->deadline_after, &p->deadline_at)
                   ? TRI_OK
                   : fail(r, value,
                          "deadline takes a span such as 72h or 1h30m, or a time such as 2026-11-27T10:00; got \"%s\"", text);
    if (strcmp(key, "price") == 0)
        return plan_parse_price(text, &price, &bill)
                   ? TRI_OK
                   : fail(r, value, "price takes money for a time such as 12/h, 0.2/min or 3/submission; got \"%s\"", text);
    if (strcmp(key, "bill") == 0)
        return plan_parse_bill(text, &bill) ? TRI_OK
                                            : fail(r, value, "bill is one of second|minute|hour|submission, got \"%s\"", text);
    if (number_parse_f64(text, strlen(text), &p->budget) && p->budget >= 0) return TRI_OK;
    return fail(r, value, "budget takes an amount of money, got \"%s\"", text);
}

static const char *const top_names[] = {"name",    "data",  "deadline", "budget",   "price", "bill",
                                        "devices", "hooks", "metrics",  "versions", NULL};

/* NAME.run is a folder beside the plan. */
static tri_status read_plan_name(reader *r, const yaml_node_t *value)
{
    TRI_TRY(read_text(r, value, "name", &r->p->name));
    if (strlen(r->p->name) <= 200 && !strchr(r->p->name, '/')) return TRI_OK;
    return fail(r, value, "name: \"%.60s\" cannot name a folder: up to 200 bytes without a slash can", r->p->name);
}

static tri_status read_top(reader *r, void *ctx, const char *key, const yaml_node_t *at, const yaml_node_t *value)
{
    static const char *const money[] = {"deadline", "budget", "price", "bill"};
    plan *p = r->p;
    (void)ctx;
    for (size_t i = 0; i < 4; i++)
        if (strcmp(key, money[i]) == 0) return read_money(r, key, value);
    if (strcmp(key, "name") == 0) return read_plan_name(r, value);
    if (strcmp(key, "data") == 0) return each_pair(r, value, key, read_data, NULL);
    if (strcmp(key, "devices") == 0) return read_devices(r, value, &p->devices);
    if (strcmp(key, "hooks") == 0) return each_pair(r, value, key, read_hook, &p->hooks);
    if (strcmp(key, "metrics") == 0) return read_joined(r, value, key, &p->metrics);
    if (strcmp(key, "versions") == 0) return TRI_OK; /* when every default is known */
    int s = find_setting(key);
    if (s >= 0 && plan_keys[s].is_default) return read_setting(r, value, (plan_setting)s, &r->defaults);
    if (s >= 0) return fail(r, at, "%s belongs in a version", key);
    word_lists words = {.lists = {top_names}, .kinds = PLAN_SEARCH, .defaults_only = true};
    return unknown(r, at, key, "the plan", &words);
}

static tri_status read_document(reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    if (!root) return err_set(r->err, TRI_ERR_FORMAT, "%s: the plan is empty", r->p->path);
    TRI_TRY(each_pair(r, root, "the plan", read_top, NULL));
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++)
        if (strcmp(text_of(node(r, p->key)), "versions") == 0) return read_versions(r, node(r, p->value));
    return fail(r, root, "the plan has no versions");
}

static tri_status say_parser(const yaml_parser_t *parser, const char *path, tri_error *err)
{
    if (parser->error == YAML_MEMORY_ERROR) return err_memory(err, 0);
    size_t line = parser->error == YAML_READER_ERROR ? parser->mark.line : parser->problem_mark.line;
    return err_set(err, TRI_ERR_FORMAT, "%s:%zu: this is no YAML: %s", path, line + 1, parser->problem ? parser->problem : "?");
}

/* A second document would be left unread without a word. */
static tri_status check_end(reader *r, yaml_parser_t *parser)
{
    yaml_document_t rest;
    if (!yaml_parser_load(parser, &rest)) return say_parser(parser, r->p->path, r->err);
    const yaml_node_t *more = yaml_document_get_root_node(&rest);
    tri_status st = more ? fail(r, more, "a second document begins here: a plan is one") : TRI_OK;
    yaml_document_delete(&rest);
    return st;
}

static tri_status read_yaml(reader *r, const void *text, size_t len)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return err_memory(r->err, sizeof parser);
    yaml_parser_set_input_string(&parser, text, len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    tri_status st = TRI_OK;
    if (!yaml_parser_load(&parser, &r->doc)) {
        st = say_parser(&parser, r->p->path, r->err);
    } else {
        st = read_document(r);
        yaml_document_delete(&r->doc);
        if (!st) st = check_end(r, &parser);
    }
    yaml_parser_delete(&parser);
    return st;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static tri_status name_plan(plan *p, const char *path, tri_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    p->path = arena_copy(&p->memory, path, strlen(path));
    p->folder = !slash ? "." : slash == path ? "/" : arena_copy(&p->memory, path, (size_t)(slash - path));
    p->name = arena_copy(&p->memory, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    return p->path && p->folder && p->name ? TRI_OK : err_memory(err, strlen(path));
}

tri_status plan_read(const void *text, size_t len, const char *path, plan *p, tri_error *err)
{
    static const char top[] = "100"; /* what leaderboards ask for, and what fusion needs to have something to fuse */
    tri_error own;
    reader r = {.p = p, .err = err ? err : &own, .defaults = {.heads = PLAN_DENSE, .value = {[PLAN_TOP] = top}}};
    *p = (plan){.budget = -1, .bill = PLAN_BILL_MINUTE};
    arena_init(&p->memory, 0);
    buf_init(&p->text, 0);
    TRI_TRY(name_plan(p, path, r.err));
    if (len > PLAN_BYTES_MAX)
        return err_set(err, TRI_ERR_LIMIT, "could not read plan %s: %zu bytes, at most %d", path, len, PLAN_BYTES_MAX);
    if (buf_append(&p->text, text, len) != TRI_OK) return err_memory(err, len);
    size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* libyaml takes it for the first key's */
    TRI_TRY(read_yaml(&r, (const char *)text + mark, len - mark));
    return plan_check(p, r.err);
}

tri_status plan_load(const char *path, plan *p, tri_error *err)
{
    buf text;
    *p = (plan){0};
    buf_init(&text, 0);
    tri_status st = file_read_all(path, PLAN_BYTES_MAX, &text, err);
    if (!st) st = plan_read(text.data, text.len, path, p, err);
    buf_drop(&text);
    return st;
}

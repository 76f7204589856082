/* SPDX-License-Identifier: Apache-2.0 */
/* engine_device.c — "auto", "cpu", "cuda", "cuda:N": which device is that here, and if not a card, why not? */
#include <stdio.h>
#include <string.h>

#include "api/engine.h"
#include "base/err.h"
#include "base/number.h"
#include "compute/plugin.h"

static tri_status open_host(tri_engine *e, const tri_engine_options *o, tri_error *err)
{
    return compute_open(o->isa, e->threads, &e->c, err);
}

static tri_status open_card(tri_engine *e, const tri_engine_options *o, int ordinal, tri_error *err)
{
    const card_options how = {ordinal, o->invariant != 0};
    const plugin_card *card;
    card_facts facts;
    int n_cards;
    TRI_TRY(plugin_find(&card, NULL, err));
    TRI_TRY(card->look(ordinal, &n_cards, &facts, err));
    TRI_TRY(plugin_open(&how, e->threads, &e->c, err));
    snprintf(e->description, sizeof e->description, "cuda:%d %s", ordinal, facts.name);
    return TRI_OK;
}

/* A machine without the plugin is an ordinary one: nothing is said. With it, the reason is worth a line. */
static tri_status open_best(tri_engine *e, const tri_engine_options *o, tri_error *err)
{
    tri_error why;
    if (o->isa) return open_host(e, o, err); /* an instruction set is a processor's */
    tri_status st = open_card(e, o, 0, &why);
    if (st == TRI_OK) return TRI_OK;
    snprintf(e->why, sizeof e->why, "%.*s", (int)sizeof e->why - 1, why.text);
    const plugin_card *card;
    if (plugin_find(&card, NULL, NULL) == TRI_OK) log_say(&e->log, 1, "computing on the cpu: %s", e->why);
    return open_host(e, o, err);
}

/* "cuda" or "cuda:N" */
static bool read_ordinal(const char *word, int *ordinal)
{
    uint64_t n = 0;
    if (strncmp(word, "cuda", 4) != 0) return false;
    if (word[4] == ':' && !number_parse_u64(word + 5, strlen(word + 5), &n)) return false;
    *ordinal = (int)n;
    return (word[4] == 0 || word[4] == ':') && n < 1024;
}

tri_status engine_device_open(tri_engine *e, const tri_engine_options *o, tri_error *err)
{
    const char *word = o->device ? o->device : "auto";
    int ordinal;
    if (strcmp(word, "auto") == 0) return open_best(e, o, err);
    if (strcmp(word, "cpu") == 0) return open_host(e, o, err);
    if (!read_ordinal(word, &ordinal)) {
        err_set(err, TRI_ERR_UNSUPPORTED, "could not open device \"%s\"", word);
        return err_hint(err, TRI_ERR_UNSUPPORTED, "devices are: auto, cpu, cuda, cuda:N");
    }
    if (!o->isa) return open_card(e, o, ordinal, err);
    return err_set(err, TRI_ERR_ARGUMENT,
                   "could not open device \"%s\" with the instruction set \"%s\", which is a processor's", word, o->isa);
}

tri_status engine_host_only(const tri_engine *e, const char *what, tri_error *err)
{
    if (!e->c->memory) return TRI_OK;
    err_set(err, TRI_ERR_UNSUPPORTED, "on a card nothing can be %s", what);
    return err_hint(err, TRI_ERR_UNSUPPORTED, "--device cpu");
}

tri_status tri_card_plugin(const char *path, tri_error *err)
{
    return plugin_choose(path, err);
}

tri_status tri_card_get(int ordinal, tri_card *card, tri_error *err)
{
    tri_card mine = {.struct_size = card->struct_size};
    const plugin_card *plugin;
    const char *path;
    card_facts f;
    tri_status st = plugin_find(&plugin, &path, err);
    if (!st) {
        snprintf(mine.plugin, sizeof mine.plugin, "%.*s", (int)sizeof mine.plugin - 1, path);
        snprintf(mine.built, sizeof mine.built, "%.*s", (int)sizeof mine.built - 1, plugin->built);
        st = plugin->look(ordinal, &mine.cards, &f, err);
    }
    if (!st) {
        mine.ordinal = f.ordinal;
        mine.major = f.major;
        mine.minor = f.minor;
        mine.processors = f.processors;
        mine.driver = f.driver;
        mine.runtime = f.runtime;
        mine.bytes_total = f.bytes_total;
        mine.bytes_free = f.bytes_free;
        mine.runs_here = f.runs_here;
        memcpy(mine.name, f.name, sizeof mine.name);
        memcpy(mine.bus, f.bus, sizeof mine.bus);
    }
    memcpy(card, &mine, card->struct_size < sizeof mine ? card->struct_size : sizeof mine);
    return st;
}

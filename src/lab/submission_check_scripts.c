/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check_scripts.c — the item "languages": which scripts do the queries use, and has each script results? Scripts
 * are told by Unicode ranges; a query with letters of two is counted under the one it has more of, and as mixed. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "lab/submission_check_int.h"

static const struct {
    const char *name;
    uint32_t first, last;
} ranges[] = {
    {"Latin", 0x41, 0x5A},        {"Latin", 0x61, 0x7A},      {"Latin", 0xC0, 0x24F},     {"Latin", 0x1E00, 0x1EFF},
    {"Greek", 0x370, 0x3FF},      {"Greek", 0x1F00, 0x1FFF},  {"Cyrillic", 0x400, 0x52F}, {"Armenian", 0x530, 0x58F},
    {"Hebrew", 0x590, 0x5FF},     {"Arabic", 0x600, 0x6FF},   {"Arabic", 0x750, 0x77F},   {"Arabic", 0xFB50, 0xFEFC},
    {"Devanagari", 0x900, 0x97F}, {"Bengali", 0x980, 0x9FF},  {"Gurmukhi", 0xA00, 0xA7F}, {"Gujarati", 0xA80, 0xAFF},
    {"Tamil", 0xB80, 0xBFF},      {"Telugu", 0xC00, 0xC7F},   {"Kannada", 0xC80, 0xCFF},  {"Malayalam", 0xD00, 0xD7F},
    {"Sinhala", 0xD80, 0xDFF},    {"Thai", 0xE00, 0xE7F},     {"Lao", 0xE80, 0xEFF},      {"Burmese", 0x1000, 0x109F},
    {"Georgian", 0x10A0, 0x10FF}, {"Hangul", 0x1100, 0x11FF}, {"Hangul", 0xAC00, 0xD7AF}, {"Ethiopic", 0x1200, 0x137F},
    {"Khmer", 0x1780, 0x17FF},    {"Kana", 0x3040, 0x30FF},   {"Han", 0x3400, 0x4DBF},    {"Han", 0x4E00, 0x9FFF},
    {"Han", 0x20000, 0x3FFFF},
};
enum { RANGES = sizeof ranges / sizeof *ranges };

typedef struct script_count {
    size_t n_queries, n_answered, example;
} script_count;

/* The range that has a script's name first stands for it; -1 for what is no letter of a script. */
static int script_of(uint32_t cp)
{
    for (int i = 0; i < RANGES; i++) {
        if (cp < ranges[i].first || cp > ranges[i].last) continue;
        int first = i;
        while (first > 0 && strcmp(ranges[first - 1].name, ranges[i].name) == 0) first--;
        return first;
    }
    return -1;
}

static int main_script(tri_text text, bool *mixed)
{
    size_t counts[RANGES] = {0}, n_scripts = 0;
    int best = -1;
    for (size_t at = 0; at < text.len;) {
        uint32_t cp;
        at += utf8_next((const uint8_t *)text.bytes + at, text.len - at, &cp, NULL);
        int script = script_of(cp);
        if (script < 0) continue;
        n_scripts += counts[script]++ == 0;
        if (best < 0 || counts[script] > counts[best]) best = script;
    }
    *mixed = n_scripts > 1;
    return best;
}

tri_status submission_check_scripts(const judge *j, check_sheet *sheet, tri_error *err)
{
    script_count counts[RANGES] = {{0}};
    size_t n_mixed = 0, n_none = 0, used = 0;
    char line[400] = "";
    (void)err;
    for (size_t i = 0; i < j->queries->n; i++) {
        bool mixed = false;
        uint32_t place;
        int script = main_script(j->queries->texts[i], &mixed);
        n_mixed += mixed;
        n_none += script < 0;
        if (script < 0) continue;
        script_count *c = &counts[script];
        if (!c->n_queries++) c->example = i;
        tri_text name = j->by_text ? j->queries->texts[i] : j->queries->ids[i];
        c->n_answered += known_ids_find(&j->found, name, &place) && j->states[place].n > 0;
    }
    for (int i = 0; i < RANGES; i++) {
        if (!counts[i].n_queries) continue;
        tri_text id = j->queries->ids[counts[i].example];
        if (!counts[i].n_answered) {
            check_sheet_add(sheet, "languages", "search again with those queries; see that they are read as UTF-8",
                            "no query in %s script has results (%zu, as \"%.*s\")", ranges[i].name, counts[i].n_queries,
                            (int)(id.len < 60 ? id.len : 60), id.bytes);
            return TRI_OK;
        }
        if (used < sizeof line - 40)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %zu", used ? ", " : "", ranges[i].name,
                                     counts[i].n_queries);
    }
    check_sheet_add(sheet, "languages", NULL, "queries by script: %s%s; %zu mixed, %zu without letters", used ? line : "none",
                    used ? ", all with results" : "", n_mixed, n_none);
    return TRI_OK;
}

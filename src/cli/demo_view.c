/* SPDX-License-Identifier: Apache-2.0 */
/* demo_view.c — the terminal side of `trident demo`. See demo_view.h.
 *
 * Where a match lies in a passage is found by looking for the piece's bytes in the text. That is for the eye only: the
 * tokenizer normalises, so a piece may stand in the text in another form and is then not marked; short Latin pieces are not
 * looked for, they are inside every other word. */
#include "cli/demo_view.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/utf8.h"

enum { FILE_COLUMNS = 100, MIN_COLUMNS = 60, MAX_COLUMNS = 140, MAX_SPANS = 256 };

#define WORD_MARK "\xe2\x96\x81" /* U+2581, SentencePiece's space */

void view_init(view *v, buf *out, int when)
{
    struct winsize size = {0};
    bool terminal = isatty(STDOUT_FILENO);
    size_t columns = FILE_COLUMNS;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) columns = size.ws_col;
    v->out = out;
    v->columns = columns < MIN_COLUMNS ? MIN_COLUMNS : columns > MAX_COLUMNS ? MAX_COLUMNS : columns;
    const char *no_color = getenv("NO_COLOR");
    v->color = when == 1 || (when == 0 && terminal && !(no_color && no_color[0]));
}

tri_status view_text(const view *v, view_style style, const char *bytes, size_t len)
{
    static const char *const codes[] = {"", "\033[1m", "\033[2m", "\033[32m", "\033[1;33m", "\033[1;36m"};
    bool coded = v->color && style != VIEW_PLAIN;
    if (coded) TRI_TRY(buf_str(v->out, codes[style]));
    TRI_TRY(buf_append(v->out, bytes, len));
    return coded ? buf_str(v->out, "\033[0m") : TRI_OK;
}

tri_status view_printf(const view *v, view_style style, const char *fmt, ...)
{
    char text[512]; /* a line of the table; texts of any length go through view_text */
    va_list list;
    va_start(list, fmt);
    int len = vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    if (len < 0) return TRI_ERR_ARGUMENT;
    return view_text(v, style, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

/* ---- columns ---------------------------------------------------------------------------------------------------------- */

typedef struct range {
    uint32_t first, last;
} range;

static bool in_ranges(const range *ranges, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last) return true;
    return false;
}

/* The blocks of UAX 11 (wide, fullwidth) and of combining marks that the demonstration's scripts use. */
static size_t char_width(uint32_t cp)
{
    static const range wide[] = {{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
                                 {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD}};
    static const range marks[] = {{0x0300, 0x036F}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
                                  {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A},
                                  {0x0E47, 0x0E4E}, {0x200B, 0x200F}, {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}};
    if (cp < 0x300) return 1;
    if (in_ranges(marks, sizeof marks / sizeof marks[0], cp)) return 0;
    return in_ranges(wide, sizeof wide / sizeof wide[0], cp) ? 2 : 1;
}

size_t view_width(const char *bytes, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        i += utf8_next((const uint8_t *)bytes + i, len - i, &cp, NULL);
        width += char_width(cp);
    }
    return width;
}

/* Text from outside: control characters (escape sequences among them) become blanks. */
static tri_status view_safe(const view *v, view_style style, const char *bytes, size_t len)
{
    size_t from = 0;
    for (size_t i = 0; i <= len; i++) {
        bool control = i < len && ((uint8_t)bytes[i] < 0x20 || bytes[i] == 0x7F);
        if (i < len && !control) continue;
        if (i > from) TRI_TRY(view_text(v, style, bytes + from, i - from));
        if (control) TRI_TRY(buf_byte(v->out, ' '));
        from = i + 1;
    }
    return TRI_OK;
}

/* ---- pieces and passages ----------------------------------------------------------------------------------------------------
 */

/* Takes the word mark off; *at_word tells that it was there. */
static tri_text bare_piece(tri_text piece, bool *at_word)
{
    size_t mark = strlen(WORD_MARK);
    *at_word = piece.len >= mark && memcmp(piece.bytes, WORD_MARK, mark) == 0;
    return *at_word ? (tri_text){piece.bytes + mark, piece.len - mark} : piece;
}

tri_status view_piece(const view *v, view_style style, tri_text piece)
{
    bool at_word;
    tri_text bare = bare_piece(piece, &at_word);
    return bare.len ? view_safe(v, style, bare.bytes, bare.len) : view_text(v, style, "\xc2\xb7", 2);
}

typedef struct span {
    size_t from, to;
    float weight;
} span;

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (uint8_t)c >= 0x80;
}

/* Places of one piece. A piece that begins a word counts at the beginning of words only, save where words are not spaced. */
static size_t find_piece(tri_text text, const view_match *match, span *spans, size_t n)
{
    bool at_word;
    tri_text piece = bare_piece(match->piece, &at_word);
    bool latin = piece.len && (uint8_t)piece.bytes[0] < 0x80;
    bool digits = latin && piece.bytes[0] >= '0' && piece.bytes[0] <= '9';
    if (piece.len == 0 || (latin && piece.len < (digits ? 2 : 3))) return n;
    for (size_t i = 0; i + piece.len <= text.len && n < MAX_SPANS; i++) {
        if (memcmp(text.bytes + i, piece.bytes, piece.len) != 0) continue;
        if (latin && at_word && i > 0 && (uint8_t)text.bytes[i - 1] < 0x80 && is_word_byte(text.bytes[i - 1])) continue;
        spans[n++] = (span){i, i + piece.len, match->weight};
        i += piece.len - 1;
    }
    return n;
}

static int compare_spans(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to < y->to) - (x->to > y->to);
}

/* Where to begin so that the bytes [begin, begin + room) hold the most weight; at the start of a character, a little before the
 * first match. */
static size_t thickest(tri_text text, const span *spans, size_t n, size_t room)
{
    enum { LEAD_BYTES = 24 }; /* some words before the first match */
    size_t best = 0;
    float best_weight = 0;
    for (size_t i = 0; i < n; i++) {
        float weight = 0;
        for (size_t j = i; j < n && spans[j].to <= spans[i].from + room - LEAD_BYTES; j++)
            if (j == i || spans[j].from >= spans[j - 1].to) weight += spans[j].weight;
        if (weight > best_weight) {
            best_weight = weight;
            best = spans[i].from;
        }
    }
    size_t begin = best > LEAD_BYTES ? best - LEAD_BYTES : 0;
    if (text.len - begin < room) begin = text.len > room ? text.len - room : 0;
    while (begin > 0 && begin < text.len && ((uint8_t)text.bytes[begin] & 0xC0) == 0x80) begin--;
    for (size_t i = begin; begin > 0 && i < best; i++) /* at a word, where there is one on the way */
        if (text.bytes[i] == ' ') return i + 1;
    return begin;
}

/* Bytes of text from `from` that fit into `columns`; breaks at a blank when one is near the end of the line. */
static size_t fit_line(tri_text text, size_t from, size_t columns)
{
    size_t width = 0, i = from, blank = 0;
    while (i < text.len) {
        uint32_t cp;
        size_t step = utf8_next((const uint8_t *)text.bytes + i, text.len - i, &cp, NULL);
        if (width + char_width(cp) > columns) return blank > from + (i - from) / 2 ? blank : i;
        width += char_width(cp);
        i += step;
        if (cp == ' ') blank = i;
    }
    return i;
}

tri_status view_passage(const view *v, tri_text text, const view_match *matches, size_t n, size_t lines, size_t indent)
{
    span spans[MAX_SPANS];
    size_t n_spans = 0;
    for (size_t i = 0; i < n; i++) n_spans = find_piece(text, &matches[i], spans, n_spans);
    qsort(spans, n_spans, sizeof *spans, compare_spans);
    size_t columns = v->columns - indent - 2; /* room for the dots at both ends */
    size_t at = thickest(text, spans, n_spans, columns * lines), s = 0;
    for (size_t line = 0; line < lines && at < text.len; line++) {
        while (line > 0 && at < text.len && text.bytes[at] == ' ') at++;
        size_t end = fit_line(text, at, columns), next = end;
        while (end > at && text.bytes[end - 1] == ' ') end--;
        TRI_TRY(buf_printf(v->out, "%*s%s", (int)indent, "", line == 0 && at > 0 ? "\xe2\x80\xa6" : ""));
        while (at < end) {
            while (s < n_spans && spans[s].to <= at) s++;
            bool marked = s < n_spans && spans[s].from <= at;
            size_t to = marked ? spans[s].to : s < n_spans ? spans[s].from : end;
            if (to > end) to = end;
            TRI_TRY(view_safe(v, marked ? VIEW_MARK : VIEW_PLAIN, text.bytes + at, to - at));
            at = to;
        }
        at = next;
        TRI_TRY(buf_printf(v->out, "%s\n", line + 1 == lines && at < text.len ? "\xe2\x80\xa6" : ""));
    }
    return TRI_OK;
}

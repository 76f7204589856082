/* SPDX-License-Identifier: Apache-2.0 */
/* submission_check_bytes.c — the item "encoding": UTF-8 to the last byte, a BOM and line ends as the sample has them. A file
 * that was written in another encoding voids a submission without a word. */
#include <string.h>

#include "base/utf8.h"
#include "lab/submission_check_int.h"

enum { STEP_BYTES = 1 << 24 };

typedef struct byte_facts {
    uint64_t n_bad, bad_line, bad_at, n_nul, n_crlf, n_lf, n_cr, bom_line;
} byte_facts;

static bool is_bom(const char *bytes, size_t len)
{
    return len >= 3 && !memcmp(bytes, "\xEF\xBB\xBF", 3);
}

static uint64_t lines_before(const char *bytes, size_t n)
{
    uint64_t line = 1;
    for (size_t i = 0; i < n; i++) line += bytes[i] == '\n';
    return line;
}

static void find_bad(const submission_source *file, size_t from, size_t len, byte_facts *facts)
{
    const uint8_t *p = (const uint8_t *)file->bytes.bytes + from;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        bool bad = false;
        size_t n = utf8_next(p + i, file->bytes.len - from - i, &cp, &bad);
        if (bad) {
            facts->bad_at = from + i;
            facts->bad_line = lines_before(file->bytes.bytes, from + i);
            return;
        }
        i += n;
    }
}

static void scan(const submission_source *file, byte_facts *facts)
{
    const char *bytes = file->bytes.bytes;
    for (size_t at = 0; at < file->bytes.len;) {
        size_t len = file->bytes.len - at < STEP_BYTES ? file->bytes.len - at : STEP_BYTES;
        while (at + len < file->bytes.len && ((unsigned char)bytes[at + len] & 0xC0) == 0x80 && len < STEP_BYTES + 4) len++;
        size_t n_bad = utf8_count_bad((const uint8_t *)bytes + at, len);
        if (n_bad && !facts->n_bad) find_bad(file, at, len, facts);
        facts->n_bad += n_bad;
        for (size_t i = at; i < at + len; i++) {
            bool newline = bytes[i] == '\n', after_cr = newline && i && bytes[i - 1] == '\r';
            facts->n_crlf += after_cr;
            facts->n_lf += newline && !after_cr;
            facts->n_nul += bytes[i] == 0;
            facts->n_cr += bytes[i] == '\r';
            if (newline && !facts->bom_line && is_bom(bytes + i + 1, file->bytes.len - i - 1))
                facts->bom_line = facts->n_lf + facts->n_crlf + 1;
        }
        if (file->file) mapped_file_wont_need(file->file, at, len);
        at += len;
    }
}

void submission_check_bytes(const submission_format *f, const submission_source *file, check_sheet *sheet)
{
    byte_facts facts = {0};
    const char *bytes = file->bytes.bytes;
    size_t len = file->bytes.len;
    bool bom = is_bom(bytes, len), utf16 = len >= 2 && (!memcmp(bytes, "\xFF\xFE", 2) || !memcmp(bytes, "\xFE\xFF", 2));
    scan(file, &facts);
    if (bom && is_bom(bytes + 3, len - 3)) facts.bom_line = 1;
    if (utf16)
        check_sheet_add(sheet, "encoding", "convert it: iconv -f UTF-16 -t UTF-8", "the file is UTF-16, not UTF-8");
    else if (facts.n_bad)
        check_sheet_add(sheet, "encoding",
                        "write it as UTF-8 (Python: open(path, \"w\", encoding=\"utf-8\"); iconv -f GB18030 -t UTF-8)",
                        "line %llu: byte 0x%02X is no UTF-8; %llu such bytes", (unsigned long long)facts.bad_line,
                        (unsigned)(unsigned char)bytes[facts.bad_at], (unsigned long long)facts.n_bad);
    else if (facts.n_nul)
        check_sheet_add(sheet, "encoding", "write it as text without NUL bytes", "%llu NUL bytes",
                        (unsigned long long)facts.n_nul);
    else if (bom && !f->bom)
        check_sheet_add(sheet, "encoding", "write it without a BOM (Python: encoding=\"utf-8\", not \"utf-8-sig\")",
                        "a BOM stands at the start; the sample has none");
    else if (!bom && f->bom)
        check_sheet_add(sheet, "encoding", "write it with a BOM (Python: encoding=\"utf-8-sig\")",
                        "no BOM at the start; the sample has one");
    else if (facts.bom_line)
        check_sheet_add(sheet, "encoding",
                        "take it out: files that were joined keep the BOM of each (Python: encoding=\"utf-8-sig\" reads)",
                        "line %llu begins with a BOM of its own", (unsigned long long)facts.bom_line);
    else if (facts.n_cr && !facts.n_lf && !facts.n_crlf)
        check_sheet_add(sheet, "encoding",
                        f->crlf ? "end every line in CR LF" : "end every line in LF alone (Python: newline=\"\\n\")",
                        "the lines end in CR alone");
    else if (f->crlf ? facts.n_lf : facts.n_crlf)
        check_sheet_add(
            sheet, "encoding", f->crlf ? "end every line in CR LF" : "end every line in LF alone (Python: newline=\"\\n\")",
            "%llu line%s in %s; the sample's end in %s", (unsigned long long)(f->crlf ? facts.n_lf : facts.n_crlf),
            (f->crlf ? facts.n_lf : facts.n_crlf) == 1 ? " ends" : "s end", f->crlf ? "LF" : "CR LF", f->crlf ? "CR LF" : "LF");
    else
        check_sheet_add(sheet, "encoding", NULL, "UTF-8%s, lines end in %s, %zu bytes",
                        bom ? " with a BOM as in the sample" : ", no BOM", f->crlf ? "CR LF" : "LF", len);
}

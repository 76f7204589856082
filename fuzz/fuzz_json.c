/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_json.c — any bytes as lines, each line as JSON. The first byte chooses the longest line allowed. */
#include <stdlib.h>
#include <string.h>

#include "formats/json.h"
#include "formats/jsonl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_everything(const json_t *json)
{
    tri_error err;
    size_t n;
    double f;
    bool b;
    const char *s;
    json_get_size(json, "a", "fuzz", 1, 0, 100, &n, &err);
    json_get_f64(json, "a", "fuzz", 1, &f, &err);
    json_get_bool(json, "a", "fuzz", true, &b, &err);
    json_get_str(json, "a", "fuzz", NULL, &s, &err);
}

static void load(const void *text, size_t len)
{
    json_t *json;
    tri_error err;
    if (json_text_load(text, len, "fuzz", &json, &err) == TRI_OK)
        ask_everything(json);
    else if (json)
        abort();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    line_reader *r;
    if (size == 0) return 0;
    load(data + 1, size - 1);
    if (line_reader_open_bytes(data + 1, size - 1, "fuzz", data[0], &r, NULL) != TRI_OK) return 0;
    for (uint64_t lines = 0;; lines++) {
        const char *line;
        size_t len;
        uint64_t number = 0;
        tri_status st = line_reader_next(r, &line, &len, &number, NULL);
        if (st == TRI_ERR_LIMIT) continue;
        if (st != TRI_OK || !line) break;
        if (number != lines + 1 || memchr(line, '\n', len) || (data[0] && len > data[0])) abort();
        load(line, len);
    }
    if (line_reader_bytes(r) != size - 1) abort();
    line_reader_close(r);
    return 0;
}

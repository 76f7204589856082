/* SPDX-License-Identifier: Apache-2.0 */
/* hub_client.c — one HTTP question to a model hub, over libcurl.
 *
 * 1. The token goes to the endpoint's own scheme, host and port and nowhere else. Redirects are therefore followed here, one
 *    request each, and every hop is compared with the endpoint; hubs redirect large files to a storage host.
 * 2. Only http and https; from https never back to http.
 * 3. Time is bounded by movement, not by size: a connection must come about, and a transfer must gain a kilobyte a second on
 *    average over the time limit.
 * 4. The file's own hash and size are in the first answer (X-Linked-Etag, X-Linked-Size), not in the storage host's. */
#include "hub/hub_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/number.h"
#include "trident.h"

enum { MAX_REDIRECTS = 10, URL_MAX = 4096, STALL_BYTES_PER_S = 1024, CURL_BUFFER = 1 << 18 };

struct hub_client {
    hub_client_options o;
    CURL *curl;
    uint64_t done, total;
};

/* One hop, while curl runs it. */
typedef struct hop {
    hub_client *c;
    const hub_request *r;
    hub_reply *reply;
    bool begun;
    tri_status status; /* of begin, body or a stop; TRI_OK = none failed */
    tri_error *err;
} hop;

/* ---- the client ---------------------------------------------------------------------------------------------------- */

static tri_status check_options(const hub_client_options *o, tri_error *err)
{
    if (strncmp(o->endpoint, "http://", 7) != 0 && strncmp(o->endpoint, "https://", 8) != 0) {
        err_set(err, TRI_ERR_ARGUMENT, "the hub's address \"%s\" does not begin with https:// or http://", o->endpoint);
        return err_hint(err, TRI_ERR_ARGUMENT, "set HF_ENDPOINT to the address of a hub, as in https://huggingface.co");
    }
    for (const char *p = o->token ? o->token : ""; *p; p++) {
        if ((unsigned char)*p > 0x20 && (unsigned char)*p < 0x7F) continue;
        return err_set(err, TRI_ERR_ARGUMENT, "the hub token holds a blank or a control character");
    }
    return TRI_OK;
}

tri_status hub_client_new(const hub_client_options *o, hub_client **out, tri_error *err)
{
    TRI_TRY(check_options(o, err));
    hub_client *c = mem_calloc(1, sizeof *c);
    if (!c) return err_memory(err, sizeof *c);
    c->o = *o;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) c->curl = curl_easy_init();
    if (!c->curl) {
        mem_free(c);
        return err_set(err, TRI_ERR_UNSUPPORTED, "libcurl could not be started");
    }
    *out = c;
    return TRI_OK;
}

void hub_client_free(hub_client *c)
{
    if (!c) return;
    curl_easy_cleanup(c->curl);
    curl_global_cleanup();
    mem_free(c);
}

const hub_client_options *hub_client_settings(const hub_client *c)
{
    return &c->o;
}

void hub_client_set_progress(hub_client *c, uint64_t done, uint64_t total)
{
    c->done = done;
    c->total = total;
}

tri_status hub_client_check_stop(hub_client *c, tri_error *err)
{
    if (!c->o.progress || c->o.progress(c->o.progress_ctx, c->done, c->total) == 0) return TRI_OK;
    err_set(err, TRI_ERR_CANCELLED, "stopped while downloading");
    return err_hint(err, TRI_ERR_CANCELLED, "run the same command again: it goes on where it stopped");
}

/* ---- what an answer says ------------------------------------------------------------------------------------------- */

static void copy_etag(char *out, size_t cap, const char *value, size_t len)
{
    out[0] = 0;
    if (len < 2 || value[0] != '"' || value[len - 1] != '"' || len - 2 >= cap)
        return; /* W/"..." says nothing about the bytes */
    memcpy(out, value + 1, len - 2);
    out[len - 2] = 0;
}

/* "bytes FIRST-LAST/TOTAL"; anything else leaves the range unknown. */
static void read_range(hub_reply *reply, const char *value, size_t len)
{
    static const char unit[] = "bytes ";
    const size_t skip = sizeof unit - 1;
    uint64_t first, last, total;
    if (len < skip || strncasecmp(value, unit, skip) != 0) return;
    const char *begin = value + skip, *end = value + len;
    const char *dash = memchr(begin, '-', (size_t)(end - begin)), *slash = memchr(begin, '/', (size_t)(end - begin));
    if (!dash || !slash || slash < dash) return;
    if (!number_parse_u64(begin, (size_t)(dash - begin), &first) ||
        !number_parse_u64(dash + 1, (size_t)(slash - dash - 1), &last) ||
        !number_parse_u64(slash + 1, (size_t)(end - slash - 1), &total) || last < first || total <= last)
        return;
    reply->range_known = true;
    reply->range_first = first;
    reply->range_total = total;
}

static bool header_is(const char *line, size_t name_len, const char *name)
{
    return strlen(name) == name_len && strncasecmp(line, name, name_len) == 0;
}

static void read_header(hub_reply *reply, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon) return;
    const char *value = colon + 1;
    size_t name_len = (size_t)(colon - line);
    while (value < line + len && (*value == ' ' || *value == '\t')) value++;
    size_t value_len = (size_t)(line + len - value);
    while (value_len && strchr(" \t\r\n", value[value_len - 1])) value_len--;
    if (header_is(line, name_len, "etag"))
        copy_etag(reply->etag, sizeof reply->etag, value, value_len);
    else if (header_is(line, name_len, "x-linked-etag"))
        copy_etag(reply->linked_etag, sizeof reply->linked_etag, value, value_len);
    else if (header_is(line, name_len, "content-length"))
        reply->length_known = number_parse_u64(value, value_len, &reply->length);
    else if (header_is(line, name_len, "x-linked-size"))
        reply->linked_size_known = number_parse_u64(value, value_len, &reply->linked_size);
    else if (header_is(line, name_len, "content-range"))
        read_range(reply, value, value_len);
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    hop *h = ctx;
    size_t len = size * count;
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0)
        *h->reply = (hub_reply){0}; /* a new answer: 100, a proxy's, or the one */
    else
        read_header(h->reply, line, len);
    return len;
}

/* ---- one hop ------------------------------------------------------------------------------------------------------- */

static bool has_body(long status)
{
    return status == 200 || status == 206;
}

static void begin_body(hop *h)
{
    h->begun = true;
    curl_easy_getinfo(h->c->curl, CURLINFO_RESPONSE_CODE, &h->reply->status);
    if (has_body(h->reply->status) && h->r->begin) h->status = h->r->begin(h->r->ctx, h->reply, h->err);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    hop *h = ctx;
    size_t len = size * count;
    if (!h->begun) begin_body(h);
    if (!h->status && has_body(h->reply->status) && h->r->body) h->status = h->r->body(h->r->ctx, bytes, len, h->err);
    return h->status ? 0 : len; /* fewer than given makes curl stop */
}

static int on_progress(void *ctx, curl_off_t dl_total, curl_off_t dl_now, curl_off_t ul_total, curl_off_t ul_now)
{
    hop *h = ctx;
    (void)dl_total, (void)dl_now, (void)ul_total, (void)ul_now;
    if (!h->status) h->status = hub_client_check_stop(h->c, h->err);
    return h->status ? 1 : 0;
}

static bool is_transient_status(long status)
{
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/* What no repetition can mend. */
static bool is_final_failure(CURLcode code)
{
    return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_OUT_OF_MEMORY;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *x = NULL, *y = NULL;
    bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK && strcasecmp(x, y) == 0;
    curl_free(x);
    curl_free(y);
    return same;
}

static bool same_origin(const char *a, const char *b)
{
    CURLU *x = curl_url(), *y = curl_url();
    bool same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK && same_part(x, y, CURLUPART_SCHEME) &&
                same_part(x, y, CURLUPART_HOST) && same_part(x, y, CURLUPART_PORT);
    curl_url_cleanup(x);
    curl_url_cleanup(y);
    return same;
}

/* A header line more; false when memory is out, the list then being as it was. */
static bool add_line(struct curl_slist **list, const char *name, const char *value)
{
    char line[URL_MAX];
    int n = snprintf(line, sizeof line, "%s%s", name, value);
    struct curl_slist *longer = n > 0 && (size_t)n < sizeof line ? curl_slist_append(*list, line) : NULL;
    if (longer) *list = longer;
    return longer != NULL;
}

static bool add_lines(struct curl_slist **list, const hub_client *c, const hub_request *r, const char *url)
{
    char value[320];
    if (c->o.token && same_origin(url, c->o.endpoint) && !add_line(list, "Authorization: Bearer ", c->o.token)) return false;
    if (r->from == 0) return true;
    snprintf(value, sizeof value, "%llu-", (unsigned long long)r->from);
    if (!add_line(list, "Range: bytes=", value)) return false;
    if (!r->if_range || !r->if_range[0]) return true;
    snprintf(value, sizeof value, "\"%s\"", r->if_range);
    return add_line(list, "If-Range: ", value);
}

static void set_options(CURL *curl, hop *h, const char *url, struct curl_slist *lines)
{
    curl_easy_reset(curl); /* keeps the connections */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOBODY, h->r->head ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "trident/" TRI_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)CURL_BUFFER);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)h->c->o.timeout_s);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)h->c->o.timeout_s);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, h);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

static void note_answer(CURL *curl, hub_reply *reply)
{
    char *redirect = NULL;
    curl_off_t wait = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    if (curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect &&
        strlen(redirect) < sizeof reply->redirect)
        memcpy(reply->redirect, redirect, strlen(redirect) + 1);
    if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
        reply->retry_after_s = wait < 1000000 ? (unsigned)wait : 1000000u;
    reply->transient = is_transient_status(reply->status);
}

static tri_status run_hop(hub_client *c, const hub_request *r, const char *url, hub_reply *reply, tri_error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    hop h = {.c = c, .r = r, .reply = reply, .err = err};
    struct curl_slist *lines = NULL;
    *reply = (hub_reply){0};
    if (!add_lines(&lines, c, r, url)) {
        curl_slist_free_all(lines);
        return err_memory(err, URL_MAX);
    }
    set_options(c->curl, &h, url, lines);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(c->curl);
    note_answer(c->curl, reply);
    if (code == CURLE_OK && !h.begun && has_body(reply->status) && !r->head) begin_body(&h); /* an empty file */
    curl_slist_free_all(lines);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
    if (h.status) return h.status;
    if (code == CURLE_OK) return TRI_OK;
    reply->transient = !is_final_failure(code);
    return err_set(err, TRI_ERR_NETWORK, "no whole answer from %s for %s: %s", c->o.endpoint, r->path,
                   detail[0] ? detail : curl_easy_strerror(code));
}

static tri_status check_redirect(const hub_request *r, const char *from, const char *to, unsigned n, tri_error *err)
{
    if (n == MAX_REDIRECTS)
        return err_set(err, TRI_ERR_NETWORK, "%s was redirected more than %d times", r->path, MAX_REDIRECTS);
    if (strncmp(from, "https:", 6) == 0 && strncmp(to, "https:", 6) != 0)
        return err_set(err, TRI_ERR_NETWORK, "%s was redirected from https to \"%.64s\"", r->path, to);
    return TRI_OK;
}

tri_status hub_client_ask(hub_client *c, const hub_request *r, hub_reply *reply, tri_error *err)
{
    char url[URL_MAX];
    int len = snprintf(url, sizeof url, "%s%s", c->o.endpoint, r->path);
    if (len < 0 || (size_t)len >= sizeof url) return err_set(err, TRI_ERR_LIMIT, "the address of %s is too long", r->path);
    for (unsigned n = 0;; n++) {
        TRI_TRY(run_hop(c, r, url, reply, err));
        bool is_redirect = reply->status >= 300 && reply->status < 400 && reply->redirect[0];
        if (!is_redirect || (r->head && !same_origin(reply->redirect, c->o.endpoint))) return TRI_OK;
        if (r->head && reply->linked_etag[0]) return TRI_OK;
        TRI_TRY(check_redirect(r, url, reply->redirect, n, err));
        snprintf(url, sizeof url, "%s", reply->redirect); /* redirect holds fewer bytes than url */
    }
}

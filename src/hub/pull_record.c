/* SPDX-License-Identifier: Apache-2.0 */
/* pull_record.c — the note that a pull leaves behind.
 *
 * The second pull reads only this and the sizes of the files it lists: nothing is fetched and nothing is written. Hashes are
 * taken from the disk after the files were written, so they cover the way to the disk as well. A record that cannot be read
 * is an error, never "none" and never "ours": pull then leaves the folder alone. */
#include "hub/pull_record.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "formats/json.h"
#include "hub/digest.h"

static const char *const RECORD_NAME = ".trident.json";

tri_status pull_record_new(const char *name, const char *source, const char *commit, pull_record *out, tri_error *err)
{
    /* begun from text, so that the tree is made of the house's memory from its root on (json.c) */
    TRI_TRY(json_text_load("{\"format\": 1}", 13, "a new record", &out->root, err));
    if (json_object_set_new(out->root, "name", json_string(name)) == 0 &&
        json_object_set_new(out->root, "source", json_string(source)) == 0 &&
        json_object_set_new(out->root, "commit", json_string(commit)) == 0 &&
        json_object_set_new(out->root, "files", json_array()) == 0)
        return TRI_OK;
    pull_record_drop(out);
    return err_memory(err, strlen(name) + strlen(source));
}

void pull_record_drop(pull_record *r)
{
    json_decref(r->root);
    r->root = NULL;
}

tri_status pull_record_add(pull_record *r, const char *folder, const char *path, tri_error *err)
{
    char full[LIMIT_PATH], sha[DIGEST_HEX_CAP];
    uint64_t bytes = 0;
    if (file_join(full, sizeof full, folder, path)) return err_set(err, TRI_ERR_LIMIT, "path of \"%s\" is too long", path);
    TRI_TRY(digest_file(DIGEST_SHA256, full, sha, &bytes, err));
    json_t *entry = json_pack("{s:s, s:I, s:s}", "path", path, "bytes", (json_int_t)bytes, "sha256", sha);
    if (!entry || json_array_append_new(json_object_get(r->root, "files"), entry) != 0) return err_memory(err, sizeof full);
    return TRI_OK;
}

typedef struct sink {
    out_file *file;
    tri_status status;
    tri_error *err;
} sink;

static int write_text(const char *text, size_t len, void *ctx)
{
    sink *s = ctx;
    s->status = out_file_write(s->file, text, len, s->err);
    return s->status ? -1 : 0;
}

tri_status pull_record_save(const pull_record *r, const char *folder, tri_error *err)
{
    char path[LIMIT_PATH];
    sink s = {.err = err};
    if (file_join(path, sizeof path, folder, RECORD_NAME)) return err_set(err, TRI_ERR_LIMIT, "path of %s is too long", folder);
    TRI_TRY(out_file_open(path, &s.file, err));
    if (json_dump_callback(r->root, write_text, &s, JSON_INDENT(1)) != 0) {
        out_file_discard(s.file);
        return s.status ? s.status : err_memory(err, LIMIT_PATH);
    }
    return out_file_commit(s.file, err);
}

tri_status pull_record_load(const char *folder, pull_record *out, tri_error *err)
{
    char path[LIMIT_PATH];
    out->root = NULL;
    if (file_join(path, sizeof path, folder, RECORD_NAME)) return err_set(err, TRI_ERR_LIMIT, "path of %s is too long", folder);
    if (!file_exists(path)) return TRI_OK;
    TRI_TRY(json_file_load(path, &out->root, err));
    if (json_is_array(json_object_get(out->root, "files"))) return TRI_OK;
    pull_record_drop(out);
    return err_set(err, TRI_ERR_FORMAT, "%s is not the record of a pull", path);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

const char *pull_record_name(const pull_record *r)
{
    return text_of(r->root, "name");
}

const char *pull_record_source(const pull_record *r)
{
    return text_of(r->root, "source");
}

const char *pull_record_commit(const pull_record *r)
{
    return text_of(r->root, "commit");
}

bool pull_record_is(const pull_record *r, const char *name, const char *source)
{
    return r->root && strcmp(pull_record_name(r), name) == 0 && strcmp(pull_record_source(r), source) == 0;
}

void pull_record_totals(const pull_record *r, size_t *files, uint64_t *bytes)
{
    const json_t *list = json_object_get(r->root, "files");
    *files = json_array_size(list);
    *bytes = 0;
    for (size_t i = 0; i < *files; i++)
        *bytes += (uint64_t)json_integer_value(json_object_get(json_array_get(list, i), "bytes"));
}

static tri_status check_file(const json_t *entry, const char *folder, bool hashes, tri_error *err)
{
    char full[LIMIT_PATH], sha[DIGEST_HEX_CAP];
    const char *path = text_of(entry, "path");
    uint64_t bytes = 0, expected = (uint64_t)json_integer_value(json_object_get(entry, "bytes"));
    if (file_join(full, sizeof full, folder, path)) return err_set(err, TRI_ERR_LIMIT, "path of \"%s\" is too long", path);
    if (!file_exists(full)) return err_set(err, TRI_ERR_MISMATCH, "%s is missing", full);
    TRI_TRY(file_size(full, &bytes, err));
    if (bytes != expected)
        return err_set(err, TRI_ERR_MISMATCH, "%s has %" PRIu64 " bytes, %" PRIu64 " when it was pulled", full, bytes,
                       expected);
    if (!hashes) return TRI_OK;
    TRI_TRY(digest_file(DIGEST_SHA256, full, sha, NULL, err));
    if (strcmp(sha, text_of(entry, "sha256")) != 0)
        return err_set(err, TRI_ERR_MISMATCH, "%s has changed since it was pulled (sha256 %.16s..., was %.16s...)", full, sha,
                       text_of(entry, "sha256"));
    return TRI_OK;
}

tri_status pull_record_check(const pull_record *r, const char *folder, bool hashes, tri_error *err)
{
    const json_t *list = json_object_get(r->root, "files");
    for (size_t i = 0; i < json_array_size(list); i++) TRI_TRY(check_file(json_array_get(list, i), folder, hashes, err));
    return TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h — what the tests of this room share: paths, scratch files, the shared folder. */
#ifndef TRI_TESTS_FORMATS_FIXTURE_H
#define TRI_TESTS_FORMATS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "trident/status.h"

#ifndef TEST_ROOT
#define TEST_ROOT "."
#endif

#define GOLDEN TEST_ROOT "/tests/golden/formats"

#define assert_ok(call)                                                                                                        \
    do {                                                                                                                       \
        tri_status assert_st = (call);                                                                                         \
        if (assert_st != TRI_OK) fail_msg("%s: %s", #call, tri_status_name(assert_st));                                        \
    } while (0)

/* Printed by cmocka's fail_msg when the words are not in the text. */
static inline void assert_says(const tri_error *err, const char *words)
{
    if (!strstr(err->text, words)) fail_msg("no \"%s\" in: %s", words, err->text);
}

/* The shared golden files beside the project's root, or NULL where a user has none. */
static inline const char *shared_folder(void)
{
    const char *given = getenv("TRI_SHARED");
    struct stat info;
    const char *path = given ? given : TEST_ROOT "/../shared";
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? path : NULL;
}

/* A path put together as printf does; good for the next 511 calls. */
static inline const char *path_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline const char *path_of(const char *fmt, ...)
{
    static char paths[512][1024];
    static unsigned turn;
    char *path = paths[turn++ % 512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(path, sizeof paths[0], fmt, args);
    va_end(args);
    return path;
}

/* A folder of this test's own under the system's temporary one. */
static inline const char *scratch_folder(void)
{
    static char path[256];
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/tri-formats-XXXXXX");
        if (!mkdtemp(path)) fail_msg("no scratch folder");
    }
    return path;
}

static inline const char *scratch_path(const char *name)
{
    return path_of("%s/%s", scratch_folder(), name);
}

static inline const char *scratch_write(const char *name, const void *bytes, size_t len)
{
    const char *path = scratch_path(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
    return path;
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return system(path_of("rm -rf '%s'", scratch_folder())) == 0 ? 0 : -1;
}

#endif

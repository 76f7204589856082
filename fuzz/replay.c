/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c — does every input that a fuzzer once kept still pass?
 *
 *   build/fuzz/fuzz_NAME PATH...     feeds each file named, and each file of each folder named, to the fuzz target
 *
 * A fuzz target compiled with -fsanitize=fuzzer brings its own main; linked with this file instead it becomes a plain program
 * that needs no fuzzer, so the corpus is replayed in every test run with every compiler. It prints the number of inputs and
 * fails when there were none: a corpus that moved away must not look like a corpus that passed. A target that crashes takes
 * the process down; the name of the input is printed before it runs when standard error is asked for with -v.
 *
 * Each input is copied into a block of exactly its own size, so that AddressSanitizer sees the first byte past the end.
 *
 * What it does not do: mutate, minimise, descend into folders inside folders. It is a program, so it may use the C library
 * directly; nothing of the library's own is under test here but the target. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target that prepares something once defines this, as libFuzzer has it; weak, because most do not. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static bool replay_file(const char *path, size_t bytes, bool verbose)
{
    FILE *in = fopen(path, "rb");
    uint8_t *data = malloc(bytes ? bytes : 1);
    bool read = in && data && fread(data, 1, bytes, in) == bytes;
    if (in) fclose(in);
    if (read) {
        if (verbose) fprintf(stderr, "%s (%zu bytes)\n", path, bytes);
        LLVMFuzzerTestOneInput(data, bytes);
    } else {
        fprintf(stderr, "could not read %s: %s\n", path, strerror(errno));
    }
    free(data);
    return read;
}

/* Returns the number of inputs replayed, -1 when one could not be read. */
static long replay_path(const char *path, bool verbose)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "could not open %s: %s\n", path, strerror(errno));
        return -1;
    }
    if (!S_ISDIR(st.st_mode)) return replay_file(path, (size_t)st.st_size, verbose) ? 1 : -1;

    struct dirent **entries = NULL;
    int n = scandir(path, &entries, NULL, alphasort); /* sorted: a failure is the same one on every machine */
    long count = n < 0 ? -1 : 0;
    for (int i = 0; i < n; i++) {
        char name[4096]; /* PATH_MAX of Linux */
        int len = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        bool fits = len > 0 && (size_t)len < sizeof name;
        if (count >= 0 && fits && stat(name, &st) == 0 && S_ISREG(st.st_mode))
            count = replay_file(name, (size_t)st.st_size, verbose) ? count + 1 : -1;
        free(entries[i]);
    }
    free(entries);
    return count;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);
    bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    long total = 0;
    for (int i = verbose ? 2 : 1; i < argc; i++) {
        long count = replay_path(argv[i], verbose);
        if (count < 0) return 1;
        total += count;
    }
    printf("replayed %ld inputs\n", total);
    return total > 0 ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_card.c — plugin, driver, card and memory by the library (tri_card_get); temperature, power and throttling by
 * nvidia-smi, which comes with every driver. Each finding that is not good ends in its remedy. */
#include "cli/doctor_card.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/number.h"
#include "trident.h"
#include "trident/experimental.h"

/* ---- what slows it ---------------------------------------------------------------------------------------------------- */

typedef struct reason {
    const char *field, *remedy;
} reason;

static const reason reasons[] = {
    {"hw_thermal_slowdown", "it is too hot: clean its fans, lower the room's temperature or its power limit (nvidia-smi -pl)"},
    {"sw_thermal_slowdown", "it is hot: see to its air, or lower its power limit (nvidia-smi -pl)"},
    {"hw_power_brake_slowdown", "the power supply asks for less: check its cables and the rack's budget"},
    {"sw_power_cap", "its power limit holds it: nvidia-smi -pl raises it where the card allows; timings hang on it"},
};
enum { N_REASONS = sizeof reasons / sizeof *reasons, N_FIGURES = 5 };

static const char query[] = "temperature.gpu,power.draw,power.limit,clocks.sm,clocks.max.sm";

/* Starts nvidia-smi with its output in a pipe; the pipe's end, or -1. */
static int start(char *const argv[], pid_t *child)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    int code = posix_spawn_file_actions_init(&actions);
    if (!code) {
        code = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (!code) code = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        if (!code) code = posix_spawnp(child, argv[0], &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[1]);
    if (!code) return ends[0];
    close(ends[0]);
    return -1;
}

/* What nvidia-smi says of the card at `bus`; false where there is no such program or it fails. */
static bool ask_driver(const char *bus, char *line, size_t cap)
{
    char id[64], fields[512], program[] = "nvidia-smi", format[] = "--format=csv,noheader,nounits";
    char *const argv[] = {program, id, format, fields, NULL};
    int status = 1;
    pid_t child;
    snprintf(id, sizeof id, "--id=%s", bus);
    snprintf(fields, sizeof fields, "--query-gpu=%s", query);
    for (size_t i = 0; i < N_REASONS; i++)
        snprintf(fields + strlen(fields), sizeof fields - strlen(fields), ",clocks_throttle_reasons.%s", reasons[i].field);
    int from = start(argv, &child);
    if (from < 0) return false;
    FILE *answer = fdopen(from, "r");
    bool got = answer && fgets(line, (int)cap, answer) != NULL;
    if (answer) fclose(answer);
    if (!answer) close(from);
    line[got ? strcspn(line, "\n") : 0] = 0;
    return waitpid(child, &status, 0) == child && status == 0 && line[0];
}

static size_t split(char *line, char *fields[], size_t most)
{
    size_t n = 0;
    for (char *rest = NULL, *field = strtok_r(line, ",", &rest); field && n < most; field = strtok_r(NULL, ",", &rest))
        fields[n++] = field + strspn(field, " ");
    return n;
}

static void say_speed(const tri_card *card, doctor_card_say say, void *ctx)
{
    char line[512], text[768], *fields[N_FIGURES + N_REASONS];
    if (!card->bus[0] || !ask_driver(card->bus, line, sizeof line) ||
        split(line, fields, N_FIGURES + N_REASONS) < N_FIGURES + N_REASONS) {
        say(ctx, "card speed", TRI_DOCTOR_NOTE, "nvidia-smi tells nothing of temperature, power and clocks here");
        return;
    }
    int n =
        snprintf(text, sizeof text, "%s C, %s of %s W, %s of %s MHz", fields[0], fields[1], fields[2], fields[3], fields[4]);
    size_t slowed = 0;
    for (size_t i = 0; i < N_REASONS; i++) {
        if (strncmp(fields[N_FIGURES + i], "Active", 6) != 0 || (size_t)n >= sizeof text) continue;
        slowed++;
        n += snprintf(text + n, sizeof text - (size_t)n, "; slowed down, %s", reasons[i].remedy);
    }
    say(ctx, "card speed", slowed ? TRI_DOCTOR_NOTE : TRI_DOCTOR_OK, text);
}

/* ---- whether it is there ---------------------------------------------------------------------------------------------- */

static size_t say_missing(const tri_error *err, bool wanted, doctor_card_say say, void *ctx)
{
    char text[sizeof err->text + sizeof err->hint + 4];
    snprintf(text, sizeof text, "%s%s%s", err->text, err->hint[0] ? ": " : "", err->hint);
    say(ctx, "card", wanted ? TRI_DOCTOR_FAIL : TRI_DOCTOR_NOTE, text);
    return wanted;
}

static size_t say_card(const tri_card *card, doctor_card_say say, void *ctx)
{
    char text[512];
    double gib = 1 << 30;
    size_t failed = 0;
    snprintf(text, sizeof text, "cuda:%d of %d, %s, sm_%d%d, %d multiprocessors, driver for CUDA %d.%d", card->ordinal,
             card->cards, card->name, card->major, card->minor, card->processors, card->driver / 1000,
             card->driver % 1000 / 10);
    say(ctx, "card", TRI_DOCTOR_OK, text);
    snprintf(text, sizeof text, "%s, %s%s", card->plugin, card->built,
             card->runs_here ? "" : ": it holds no code for this card; build it with -DTRI_CUDA_ARCHS for it");
    say(ctx, "card plugin", card->runs_here ? TRI_DOCTOR_OK : TRI_DOCTOR_FAIL, text);
    failed += !card->runs_here;
    bool tight = card->bytes_free < card->bytes_total / 4;
    snprintf(text, sizeof text, "%.1f of %.1f GiB free%s", (double)card->bytes_free / gib, (double)card->bytes_total / gib,
             tight ? ": other processes hold the rest (nvidia-smi lists them)" : "");
    say(ctx, "card memory", tight ? TRI_DOCTOR_NOTE : TRI_DOCTOR_OK, text);
    return failed;
}

size_t doctor_card(const char *device, doctor_card_say say, void *ctx)
{
    tri_card card = {.struct_size = sizeof card};
    tri_error err;
    uint64_t ordinal = 0;
    bool wanted = strncmp(device, "cuda", 4) == 0;
    if (strncmp(device, "cuda:", 5) == 0) number_parse_u64(device + 5, strlen(device + 5), &ordinal);
    if (strcmp(device, "cpu") == 0) return 0;
    if (tri_card_get((int)(ordinal % 1024), &card, &err) != TRI_OK) return say_missing(&err, wanted, say, ctx);
    size_t failed = say_card(&card, say, ctx);
    say_speed(&card, say, ctx);
    return failed;
}

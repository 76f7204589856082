/* SPDX-License-Identifier: Apache-2.0 */
/* run_devices.c — the devices of the queue, and what the system tells of them: temperature and clock.
 *
 * Linux: /sys/class/hwmon and /sys/class/thermal for degrees, cpufreq for clocks. NVIDIA: nvidia-smi, started every few seconds
 * and read when it is done, so that a driver that hangs holds nobody up. What is not told stays unknown (NaN). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/number.h"
#include "base/processors.h"
#include "lab/run_int.h"
#include "trident/engine.h"

static const double SENSE_EVERY = 5;

/* ---- slots -------------------------------------------------------------------------------------------------------- */

static bool is_whole_cpu(const char *device)
{
    return strcmp(device, "cpu") == 0;
}

/* Without a list in the plan: every CUDA device that the library opens, else the processor. */
static tri_status find_devices(run_board *b, plan_words *out, tri_error *err)
{
    char name[24];
    out->items = arena_array(&b->memory, 64, sizeof *out->items);
    if (!out->items) return err_memory(err, 64 * sizeof *out->items);
    for (out->n = 0; out->n < 64; out->n++) {
        tri_engine_options o;
        tri_engine *engine;
        snprintf(name, sizeof name, "cuda:%zu", out->n);
        tri_engine_options_init(&o);
        o.device = name;
        if (tri_engine_open(&o, &engine, NULL) != TRI_OK) break;
        tri_engine_close(engine);
        out->items[out->n] = arena_copy(&b->memory, name, strlen(name));
        if (!out->items[out->n]) return err_memory(err, sizeof name);
    }
    if (!out->n) out->items[out->n++] = "cpu";
    return TRI_OK;
}

static tri_status check_cores(const char *device, tri_error *err)
{
    uint64_t first, last;
    long n = sysconf(_SC_NPROCESSORS_CONF);
    if (!run_device_cores(device, &first, &last) || n <= 0 || last < (uint64_t)n) return TRI_OK;
    err_set(err, TRI_ERR_ARGUMENT, "the device %s asks for more cores than this machine has, which is %ld", device, n);
    return err_hint(err, TRI_ERR_ARGUMENT, "they are counted from 0; `cpu` is all of them");
}

tri_status run_slots_make(run_board *b, tri_error *err)
{
    plan_words found = b->p->devices;
    size_t n_whole = 0;
    if (!found.n) TRI_TRY(find_devices(b, &found, err));
    b->slots = arena_calloc(&b->memory, found.n, sizeof *b->slots);
    if (!b->slots) return err_memory(err, found.n * sizeof *b->slots);
    for (size_t i = 0; i < found.n; i++) n_whole += is_whole_cpu(found.items[i]);
    for (b->n_slots = 0; b->n_slots < found.n; b->n_slots++) {
        run_slot *slot = &b->slots[b->n_slots];
        TRI_TRY(check_cores(found.items[b->n_slots], err));
        *slot = (run_slot){.device = found.items[b->n_slots], .job = -1};
        slot->temperature = slot->clock = slot->clock_max = NAN;
        if (n_whole < 2 || !is_whole_cpu(slot->device)) continue;
        int share = processors_usable() / (int)n_whole;
        slot->threads = arena_printf(&b->memory, "%d", share > 1 ? share : 1);
        if (!slot->threads) return err_memory(err, 8);
    }
    return TRI_OK;
}

static bool may_have(const run_job *job, const char *device)
{
    for (size_t i = 0; i < job->devices.n; i++)
        if (strcmp(job->devices.items[i], device) == 0) return true;
    return job->devices.n == 0;
}

bool run_slot_is_any(const run_board *b, const run_job *job)
{
    bool found = false;
    for (size_t i = 0; i < b->n_slots; i++) found = found || may_have(job, b->slots[i].device);
    return found;
}

int run_slot_find(const run_board *b, const run_job *job)
{
    for (size_t i = 0; i < b->n_slots; i++)
        if (b->slots[i].job < 0 && may_have(job, b->slots[i].device)) return (int)i;
    return -1;
}

/* ---- the processor ------------------------------------------------------------------------------------------------ */

static bool read_word(const char *path, char *out, size_t cap)
{
    buf text;
    buf_init(&text, 0);
    bool ok = file_exists(path) && file_read_all(path, 4096, &text, NULL) == TRI_OK;
    size_t n = 0;
    while (ok && n < text.len && n + 1 < cap && text.data[n] > ' ') {
        out[n] = (char)text.data[n];
        n++;
    }
    out[n] = 0;
    buf_drop(&text);
    return n > 0;
}

static bool read_scaled(const char *path, double scale, double *out)
{
    char word[64];
    if (!read_word(path, word, sizeof word) || !number_parse_f64(word, strlen(word), out)) return false;
    *out *= scale;
    return true;
}

typedef struct sensor_walk {
    const char *folder, *label, *reading;
    double warmest;
} sensor_walk;

static bool is_processor(const char *name)
{
    static const char *const names[] = {"coretemp", "k10temp", "zenpower", "cpu", "x86_pkg_temp", "soc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static tri_status look(void *ctx, const char *name, tri_error *err)
{
    sensor_walk *w = ctx;
    char path[LIMIT_PATH], word[64];
    double degrees;
    (void)err;
    if (snprintf(path, sizeof path, "%s/%s/%s", w->folder, name, w->label) >= (int)sizeof path) return TRI_OK;
    if (!read_word(path, word, sizeof word) || !is_processor(word)) return TRI_OK;
    if (snprintf(path, sizeof path, "%s/%s/%s", w->folder, name, w->reading) >= (int)sizeof path) return TRI_OK;
    if (read_scaled(path, 1e-3, &degrees) && !(degrees <= w->warmest)) w->warmest = degrees;
    return TRI_OK;
}

static double warmest(const char *root, const char *folder, const char *label, const char *reading)
{
    char path[LIMIT_PATH];
    snprintf(path, sizeof path, "%.2000s%s", root, folder);
    sensor_walk walk = {path, label, reading, NAN};
    if (file_is_dir(path)) folder_each(path, look, &walk, NULL);
    return walk.warmest;
}

void run_sense_cpu(const char *root, double *temperature, double *clock, double *clock_max)
{
    char path[LIMIT_PATH];
    double now, most, sum = 0;
    size_t n = 0;
    *clock = *clock_max = NAN;
    *temperature = warmest(root, "/sys/class/hwmon", "name", "temp1_input");
    if (isnan(*temperature)) *temperature = warmest(root, "/sys/class/thermal", "type", "temp");
    for (int i = 0; i < 1024; i++) {
        snprintf(path, sizeof path, "%.2000s/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", root, i);
        if (!read_scaled(path, 1e-3, &now)) break; /* kHz */
        snprintf(path, sizeof path, "%.2000s/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", root, i);
        if (read_scaled(path, 1e-3, &most) && !(most <= *clock_max)) *clock_max = most;
        sum += now;
        n++;
    }
    if (n) *clock = sum / (double)n;
}

/* ---- NVIDIA ------------------------------------------------------------------------------------------------------- */

/* "0, 65, 1380, 1410": index, degrees, MHz, most MHz */
static void take_gpu_line(run_board *b, const char *line, size_t len)
{
    double values[4];
    char device[24];
    for (size_t i = 0; i < 4; i++) {
        while (len && *line == ' ') line++, len--;
        const char *comma = memchr(line, ',', len);
        size_t n = comma ? (size_t)(comma - line) : len;
        if (!number_parse_f64(line, n, &values[i])) values[i] = NAN; /* "[N/A]" */
        if (!comma && i < 3) return;
        line += comma ? n + 1 : n;
        len -= comma ? n + 1 : n;
    }
    if (isnan(values[0])) return;
    snprintf(device, sizeof device, "cuda:%.0f", values[0]);
    for (size_t i = 0; i < b->n_slots; i++) {
        run_slot *slot = &b->slots[i];
        if (strcmp(slot->device, device) != 0 && !(values[0] == 0 && strcmp(slot->device, "cuda") == 0)) continue;
        slot->temperature = values[1];
        slot->clock = values[2];
        slot->clock_max = values[3];
    }
}

static void take_gpus(run_board *b, const char *path)
{
    buf text;
    buf_init(&text, 0);
    if (file_read_all(path, 1 << 16, &text, NULL) == TRI_OK)
        for (size_t at = 0; at < text.len;) {
            const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
            size_t n = end ? (size_t)(end - text.data) - at : text.len - at;
            take_gpu_line(b, (const char *)text.data + at, n);
            at += n + 1;
        }
    buf_drop(&text);
}

static bool has_gpu(const run_board *b)
{
    for (size_t i = 0; i < b->n_slots; i++)
        if (strncmp(b->slots[i].device, "cuda", 4) == 0) return true;
    return false;
}

static void sense_gpus(run_board *b, double now)
{
    static const char *const argv[] = {"--query-gpu=index,temperature.gpu,clocks.sm,clocks.max.sm",
                                       "--format=csv,noheader,nounits", NULL};
    char path[LIMIT_PATH];
    int code;
    if (b->has_no_gpu_tool || !has_gpu(b)) return;
    if (snprintf(path, sizeof path, "%s/gpu.csv", b->dir) >= (int)sizeof path) return;
    if (b->sensors && !run_child_ended(b->sensors, &code)) {
        if (now - b->sensors_began > 4 * SENSE_EVERY) run_child_stop(b->sensors, true);
        return;
    }
    if (b->sensors && code == 0) take_gpus(b, path);
    b->sensors = 0;
    run_spawn s = {.program = "nvidia-smi", .argv = argv, .log = "/dev/null", .stdout_to = path};
    b->sensors_began = now;
    b->has_no_gpu_tool = run_child_start(&s, &b->sensors, NULL) != TRI_OK;
}

void run_sense(run_board *b)
{
    double now = run_now(), temperature, clock, clock_max;
    if (now - b->sensed < SENSE_EVERY) return;
    b->sensed = now;
    run_sense_cpu("", &temperature, &clock, &clock_max);
    for (size_t i = 0; i < b->n_slots; i++) {
        if (strncmp(b->slots[i].device, "cpu", 3) != 0) continue;
        b->slots[i].temperature = temperature;
        b->slots[i].clock = clock;
        b->slots[i].clock_max = clock_max;
    }
    sense_gpus(b, now);
}

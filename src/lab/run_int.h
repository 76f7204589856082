/* SPDX-License-Identifier: Apache-2.0 */
/* run_int.h — what the files of a run share: jobs and their steps, devices, sessions, the board that holds them all. */
#ifndef TRI_LAB_RUN_INT_H
#define TRI_LAB_RUN_INT_H

#include <jansson.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/lock_file.h"
#include "lab/run.h"

/* ---- steps and jobs ----------------------------------------------------------------------------------------------- */

enum { RUN_STEPS_MAX = 6, RUN_WORD = 32, RUN_HASH = 17, RUN_WORDS_MAX = PLAN_VERSIONS_MAX + 64 };

typedef struct run_step {
    const char *name;      /* index, search, fuse, copy, submit-format, check, hook, eval */
    const char **argv;     /* of trident, from its command on, ended by NULL (RUN_WORDS_MAX); NULL for copy and hook */
    const char *stdout_to; /* a file that gets what it prints, or NULL: the log */
    const char *makes;     /* the file that it leaves, for the manifest; or NULL */
    const char *cost_key;  /* steps with the same key take about the same time; NULL = no time to speak of */
    bool on_device;        /* needs a device of the queue */
    bool counts_progress;  /* tells how far it is */
    char hash[RUN_HASH];   /* of its words and of the files that it reads */
} run_step;

typedef enum run_state { RUN_QUEUED, RUN_RUNNING, RUN_DONE, RUN_FAILED, RUN_STOPPED } run_state;

typedef struct run_status {
    run_state state;
    char step[RUN_WORD], device[RUN_WORD], unit[RUN_WORD];
    uint64_t done, total; /* of the step, in bytes of its input */
    uint64_t items, tokens;
    /* texts: computed over all attempts, the most that one kill cost, the largest window that one hit, how far one was */
    uint64_t computed, repeated, batch, begun;
    long pid;
    double started, ended, seconds, money, left; /* left < 0: not known */
    double rate_items, rate_tokens;              /* a second, of the step at hand or the last that told */
    unsigned attempts;
    char error[512], submission[LIMIT_PATH];
    bool is_out;         /* its submission (or, without a sample, its run) is there */
    char paid[RUN_HASH]; /* of the step that made the submission which was counted last */
    struct {
        char name[RUN_WORD], hash[RUN_HASH];
        double seconds;
    } steps[RUN_STEPS_MAX]; /* that are done */
    size_t n_steps;
    char attempt[RUN_HASH]; /* of the search that its run.trec, once there, is the whole result of */
    json_t *partial;        /* seconds that stopped attempts spent on a step not done, by its name; NULL = none */
} run_status;

/* What a child's progress file says. */
typedef struct run_progress {
    char what[RUN_WORD], unit[RUN_WORD];
    uint64_t at, extent, items, begun, there, tokens;
    double seconds;
} run_progress;

typedef struct run_job {
    const char *name, *dir, *log, *status_path, *progress_path;
    const plan_version *version; /* NULL: an index, */
    const plan_version *group;   /* of the versions like this one, which is the first of them */
    plan_words devices;          /* none = any */
    run_step steps[RUN_STEPS_MAX];
    size_t n_steps;
    size_t *needs; /* jobs that must be done before its first step that is not */
    size_t n_needs;
    uint64_t models;     /* what its model and its reranker hold; 0 = none is here */
    char hash[RUN_HASH]; /* of all its steps: the config hash */
    run_status status;
    /* while a step runs */
    size_t at; /* the step */
    pid_t pid; /* 0 = none */
    int slot;  /* -1 = none */
    double step_began, told, kill_at;
    run_progress progress, first; /* the last and the first that this child told */
    bool is_failing;              /* the child is the on_fail hook */
    const char *stop_reason;
    double session_began, session_seconds, session_money; /* of this runner's work on it */
} run_job;

/* ---- devices ------------------------------------------------------------------------------------------------------ */

typedef struct run_slot {
    const char *device;                   /* as the plan says: cpu:0-3, cuda:1 */
    const char *threads;                  /* for --threads, or NULL */
    long job;                             /* -1 = free */
    double temperature, clock, clock_max; /* NaN = the system does not say; MHz */
    double busy_seconds;
    uint64_t tokens, items;
} run_slot;

/* ---- the board ---------------------------------------------------------------------------------------------------- */

enum { RUN_SESSIONS_MAX = 4096 };

typedef struct run_board {
    const plan *p;
    const run_options *options;
    arena memory;
    const char *dir; /* absolute */
    lock_file lock;
    run_job *jobs;
    size_t n_jobs;
    run_slot *slots;
    size_t n_slots;
    const char *data_paths[4]; /* corpus, queries, qrels, sample; NULL = none */
    uint64_t data_hashes[4];
    char data_hash[RUN_HASH], plan_hash[RUN_HASH];
    double started, deadline; /* of the first session; 0 = none */
    double sessions[2 * RUN_SESSIONS_MAX];
    size_t n_sessions;
    double first_results[RUN_SESSIONS_MAX]; /* seconds from each session's start; NaN: none */
    size_t n_paid;                          /* submissions that were out, of versions that the plan has no more, too */
    double noted;                           /* money in the ledger's rows of this folder */
    char hooked[RUN_HASH];                  /* of the results for which the plan's on_done was run */
    double told, sensed, sensors_began;
    pid_t sensors; /* nvidia-smi */
    bool has_no_gpu_tool;
    bool has_worked, is_hooked; /* something was done by this runner; the plan's hook was run */
    pid_t hook;
    bool is_ending; /* stop everything */
    char why[512];
} run_board;

/* ---- run_jobs.c: from versions to jobs ---- */
tri_status run_jobs_make(run_board *b, tri_error *err);

/* ---- run_hash.c ---- */
tri_status run_hash_data(run_board *b, tri_error *err); /* fills hashes of the plan's text and data: before the jobs are made */
tri_status run_hash_steps(run_board *b, tri_error *err); /* fills hashes of steps and jobs */
bool run_step_is_done(const run_job *job, size_t step);

/* ---- run_folder.c: what is on disk ---- */
tri_status run_folder_open(run_board *b, tri_error *err); /* lock, run.json, sessions, statuses, configs */
tri_status run_status_save(run_board *b, run_job *job, bool durable, tri_error *err);
tri_status run_sessions_save(run_board *b, tri_error *err);
tri_status run_devices_save(run_board *b, tri_error *err);
bool run_progress_load(const char *path, run_progress *out);
const char *run_state_word(run_state state);

/* ---- run_child.c: processes ---- */
typedef struct run_spawn {
    const char *const *argv;     /* trident's words, or NULL */
    const char *shell;           /* a command line for /bin/sh, or NULL */
    const char *program;         /* by PATH, with argv as its whole; or NULL */
    const char *log, *stdout_to; /* absolute */
    const char *folder;          /* to work in; NULL = ours */
    const char *device;          /* for affinity; NULL = none */
    const char *const *env;      /* "NAME=value", ended by NULL; over ours */
} run_spawn;
bool run_device_cores(const char *device, uint64_t *first, uint64_t *last); /* of cpu:0-3; false: all of them */
tri_status run_child_start(const run_spawn *s, pid_t *out, tri_error *err);
/* true: it has ended; *code is its exit status, or -(signal) */
bool run_child_ended(pid_t pid, int *code);
void run_child_stop(pid_t pid, bool now);
/* A child of an earlier runner, known by its progress file, is about to die: waits until it is gone. */
void run_child_await_old(long pid, const char *progress_path);

/* ---- run_money.c: time and money ---- */
/* Unix seconds, which pass evenly while this runner is up, whatever happens to the wall clock. */
double run_now(void);
tri_status run_session_begin(run_board *b, tri_error *err); /* when there is money for one */
double run_spent(const run_board *b, double at);
/* Seconds that a job still needs on a device; < 0: not known. */
double run_forecast(const run_board *b, const run_job *job);
/* May it start? When not, why. */
bool run_may_start(const run_board *b, const run_job *job, char *why, size_t cap);
/* Must everything stop now, lest the budget is passed? */
bool run_is_spent(const run_board *b, double *grace);

/* ---- run_devices.c ---- */
tri_status run_slots_make(run_board *b, tri_error *err);
bool run_slot_is_any(const run_board *b, const run_job *job); /* is there one that the job may have, free or not? */
int run_slot_find(const run_board *b, const run_job *job);    /* a free one that the job may have; -1 = none */
void run_sense(run_board *b);                                 /* temperature and clock, every few seconds */
/* Of the processors under `root` ("" = this system): NaN where it does not say. */
void run_sense_cpu(const char *root, double *temperature, double *clock, double *clock_max);

/* ---- run_ledger.c ---- */
void run_ledger_note(run_board *b, const run_job *job);
void run_ledger_balance(run_board *b, run_state outcome); /* what the rows of the jobs leave of the money */

/* ---- run_step.c: one step from its start to its end ---- */
tri_status run_step_start(run_board *b, run_job *job, size_t step, tri_error *err);
void run_step_watch(run_board *b, run_job *job); /* takes what the child tells */
tri_status run_step_end(run_board *b, run_job *job, int code, tri_error *err);
/* Seconds that were worked for it, and their money; seconds of an attempt at a step that did not end. */
void run_count_time(run_board *b, run_job *job, double seconds, bool on_device);
void run_count_partial(run_job *job, const char *step, double seconds);
bool run_is_submitted(const run_job *job);         /* has everything that is handed in been made? */
const run_step *run_last_made(const run_job *job); /* the step that makes what is handed in; NULL = none */
tri_status run_job_fail(run_board *b, run_job *job, run_state state, const char *why, tri_error *err);
tri_status run_hook_start(run_board *b, const run_job *job, const char *hook, const char *state, pid_t *pid, tri_error *err);

void run_say(run_board *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

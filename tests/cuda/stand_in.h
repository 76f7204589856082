/* SPDX-License-Identifier: Apache-2.0 */
/* stand_in.h — what the files of the stand-in share: the device's memory, the queue of what was asked for, its threads. */
#ifndef TESTS_CUDA_STAND_IN_H
#define TESTS_CUDA_STAND_IN_H

#include "cuda_runtime.h"

#define EXPORT __attribute__((visibility("default")))

/* Counts a call; false when it is the one that is to fail (*e then says with what). Enter takes the lock. */
bool emulated_enter(cudaError_t *e);
cudaError_t emulated_leave(cudaError_t e);

/* Ends the program: the code under test did what a card would not forgive. */
void emulated_defect(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Is all of it inside one live device block? */
bool emulated_is_device(const void *at, size_t bytes);

/* Queues `run` with a copy of its arguments; it happens when something waits for it, as late as can be. */
void emulated_later(cudaStream_t s, void (*run)(const void *args), const void *args, size_t bytes);

/* Runs every thread of a kernel (threads.c). */
void emulated_grid(const emulated_kernel *k, dim3 grid, dim3 block, const void *args);

#endif

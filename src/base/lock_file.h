/* SPDX-License-Identifier: Apache-2.0 */
/* lock_file.h — one holder at a time, of anything that has a file to its name.
 *
 * flock(2): the lock belongs to the open file, so two holders in one process exclude each other too, and the system drops it
 * when the holder dies, however it dies. The file stays; its text is the holder's process id, for messages only. */
#ifndef TRI_BASE_LOCK_FILE_H
#define TRI_BASE_LOCK_FILE_H

#include <stdbool.h>

#include "trident/status.h"

typedef struct lock_file {
    int fd; /* -1 = not held */
} lock_file;

/* Makes the file if need be; does not wait. TRI_ERR_STATE when it is held: *holder (may be NULL) is then the process id, 0 when
 * not known. */
tri_status lock_file_take(const char *path, lock_file *out, long *holder, tri_error *err);
/* The same, waiting up to so many milliseconds for another holder to end. */
tri_status lock_file_wait(const char *path, unsigned ms, lock_file *out, tri_error *err);
/* Held by anybody? Asking writes nothing, and needs no leave to write. */
bool lock_file_is_taken(const char *path);
void lock_file_release(lock_file *lock);

#endif

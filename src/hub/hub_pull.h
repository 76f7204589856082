/* SPDX-License-Identifier: Apache-2.0 */
/* hub_pull.h — a published model from a model hub, into a working folder. */
#ifndef TRI_HUB_HUB_PULL_H
#define TRI_HUB_HUB_PULL_H

#include "hub/pull.h"
#include "hub/pull_record.h"
#include "hub/stage.h"

/* The record's source text: "hub ORG/NAME@REVISION". */
void hub_pull_source(const char *name, const pull_options *o, char *out, size_t cap);
/* The commit that the revision names now. */
tri_status hub_pull_commit(const char *name, const pull_options *o, char commit[72], tri_error *err);
/* Brings every file needed into the working folder, where an interrupted pull's files are taken up again; makes the record. */
tri_status hub_pull_make(const char *name, const pull_options *o, const stage *s, pull_record *record, uint64_t *fetched,
                         tri_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* hub_retry.h — asking again, politely and not for ever; and what an HTTP status means to the user. */
#ifndef TRI_HUB_HUB_RETRY_H
#define TRI_HUB_HUB_RETRY_H

#include "hub/hub_client.h"

typedef struct hub_retry {
    unsigned used; /* attempts since the last that gained something */
} hub_retry;

/* After an attempt that failed with `st` (err filled): waits and answers TRI_OK when it is worth another, else `st` itself. */
tri_status hub_retry_wait(hub_retry *retry, hub_client *c, const hub_reply *reply, tri_status st, tri_error *err);
/* TRI_OK for 200 and 206; any other status in words, with the remedy. */
tri_status hub_retry_judge(const hub_client *c, const hub_request *r, const hub_reply *reply, tri_error *err);
/* hub_client_ask, judged and repeated while that may help: for what is small or restartable. */
tri_status hub_retry_ask(hub_client *c, const hub_request *r, hub_reply *reply, tri_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* embed.h — texts in, three representations out. */
#ifndef TRI_MODEL_EMBED_H
#define TRI_MODEL_EMBED_H

#include "model/session.h"
#include "trident/embed.h"

/* See tri_embed. `o` has been checked: want is within what the model has, dim within its widths. */
tri_status embed_run(session *s, const tri_embed_options *o, const tri_input *inputs, size_t count, tri_embeddings **out,
                     tri_error *err);

#endif

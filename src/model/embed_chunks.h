/* SPDX-License-Identifier: Apache-2.0 */
/* embed_chunks.h — dense vectors of texts by pieces: what was done before models could read long texts. */
#ifndef TRI_MODEL_EMBED_CHUNKS_H
#define TRI_MODEL_EMBED_CHUNKS_H

#include "model/session.h"
#include "trident/embed.h"

/* As embed_run with o->chunk tokens a piece; what is wanted is dense alone. A text's tokens and ids are those of all its
 * pieces, one after the other. */
tri_status embed_chunks_run(session *s, const tri_embed_options *o, const tri_input *inputs, size_t count, tri_embeddings **out,
                            tri_error *err);

#endif

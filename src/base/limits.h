/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h — every bound that a parser or a plan enforces, in one place, each with its reason. */
#ifndef TRI_BASE_LIMITS_H
#define TRI_BASE_LIMITS_H

#define LIMIT_PATH 4096                     /* Linux PATH_MAX */
#define LIMIT_JSON_CONFIG (64u << 20)       /* a config file; real ones are under 100 kB */
#define LIMIT_JSON_DEPTH 64                 /* nesting; real files stay under 10 */
#define LIMIT_JSONL_LINE (256u << 20)       /* one line of a corpus; a 50 MB line must pass */
#define LIMIT_CSV_FIELDS 100000u            /* fields of one row: a wide table of ids has 1,000 */
#define LIMIT_SAFETENSORS_HEADER 100000000u /* the format's own limit */
#define LIMIT_TENSORS 100000u               /* tensors of one model */
#define LIMIT_TENSOR_RANK 8
#define LIMIT_GGUF_ENTRIES 65536u   /* keys of a GGUF file; real ones have under 100 */
#define LIMIT_GGUF_KEY 65535u       /* bytes of a key, by the format */
#define LIMIT_GGUF_NAME 256u        /* bytes of a tensor's name; the format says 64 */
#define LIMIT_PICKLE_STACK 1000000u /* objects of a state dict's pickle */
#define LIMIT_ZIP_MEMBERS 200000u
#define LIMIT_TOKENIZER_FILE (512u << 20)
#define LIMIT_VOCAB 16000000u
#define LIMIT_LAYERS 1024u
#define LIMIT_WIDTH 65536u /* hidden or feed-forward width */
#define LIMIT_POSITIONS (1u << 24)
#define LIMIT_ROTARY_POSITIONS (1u << 20) /* angles are tabulated: 256 MiB at heads of 64 */
#define LIMIT_TEXT_BYTES (1u << 30)       /* one text */

#endif

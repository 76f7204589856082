/* SPDX-License-Identifier: Apache-2.0 */
/* ucd.h — what kind of character is this, in the reference's eyes?
 *
 * HF tokenizers 0.22.2 mixes Unicode versions: BERT's categories are those of Unicode 8.0, normalisation forms of 9.0, grapheme
 * clusters of 16.0, \p{L} and \p{N} those of its regex library, \w and lower case those of Rust. The bits below were measured
 * from it over all code points (tools/fixtures/make_unicode_tables.py); values that never change once assigned (combining
 * classes, decompositions) come from utf8proc, and only for characters the bits allow, so a newer utf8proc changes nothing
 * here. */
#ifndef TRI_TOKENIZER_UCD_H
#define TRI_TOKENIZER_UCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ORDER props (make_unicode_tables.py) */
enum {
    UCD_DROP = 1 << 0,    /* BERT's clean_text deletes it */
    UCD_SPACE = 1 << 1,   /* White_Space */
    UCD_MN = 1 << 2,      /* BERT's strip_accents deletes it */
    UCD_MARK = 1 << 3,    /* the StripAccents normalizer deletes it */
    UCD_PUNCT = 1 << 4,   /* BERT and Punctuation isolate it */
    UCD_WORD = 1 << 5,    /* \w */
    UCD_NUMERIC = 1 << 6, /* Digits */
    UCD_LETTER = 1 << 7,  /* \p{L} */
    UCD_NUMBER = 1 << 8,  /* \p{N} */
    UCD_CCC = 1 << 9,     /* has a combining class other than 0 */
    UCD_NFD = 1 << 10,    /* decomposes canonically */
    UCD_NFKD = 1 << 11,   /* decomposes, canonically or not */
    UCD_LOWER = 1 << 12,  /* has another lower case */
    UCD_SECOND = 1 << 13  /* ends some canonical decomposition: may compose with what stands before it */
};

/* Grapheme_Cluster_Break, UAX #29; PICT is Extended_Pictographic with no class of its own. */
typedef enum {
    GCB_OTHER,
    GCB_CR,
    GCB_LF,
    GCB_CONTROL,
    GCB_EXTEND,
    GCB_ZWJ,
    GCB_SPACING,
    GCB_PREPEND,
    GCB_RI,
    GCB_L,
    GCB_V,
    GCB_T,
    GCB_LV,
    GCB_LVT,
    GCB_PICT
} ucd_gcb;
/* Indic_Conjunct_Break */
typedef enum { INCB_NONE, INCB_CONSONANT, INCB_LINKER, INCB_EXTEND } ucd_incb;

#define UCD_GCB(props) ((ucd_gcb)((props) >> 16 & 15))
#define UCD_INCB(props) ((ucd_incb)((props) >> 20 & 3))

uint32_t ucd_props(uint32_t cp); /* cp <= 0x10FFFF */
static inline bool ucd_is(uint32_t cp, uint32_t bit)
{
    return (ucd_props(cp) & bit) != 0;
}

/* Canonical combining class as of Unicode 9. */
unsigned ucd_ccc(uint32_t cp);
enum { UCD_DECOMPOSED_MAX = 18 }; /* U+FDFA, the longest of all */
/* The full decomposition, not reordered; the character itself when it has none. Returns the number written. */
size_t ucd_decompose(uint32_t cp, bool compatible, uint32_t out[UCD_DECOMPOSED_MAX]);
/* The primary composite of a pair, or 0. */
uint32_t ucd_compose(uint32_t first, uint32_t second);
/* Full lower case, without context: one character, or two for U+0130. */
size_t ucd_lower(uint32_t cp, uint32_t out[2]);

#endif

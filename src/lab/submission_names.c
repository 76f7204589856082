/* SPDX-License-Identifier: Apache-2.0 */
/* submission_names.c — what a header's words mean. The tables hold the names of published competitions and data sets (Kaggle,
 * TREC, MS MARCO, BEIR, Tianchi), without case, spaces, - and _. "id" alone says nothing: values and companions decide. */
#include <string.h>

#include "lab/submission_format.h"

static const char *const query_names[] = {"query",
                                          "queryid",
                                          "queriesid",
                                          "qid",
                                          "q",
                                          "qno",
                                          "queryno",
                                          "qnum",
                                          "querynum",
                                          "topic",
                                          "topicid",
                                          "topicno",
                                          "question",
                                          "questionid",
                                          "quesid",
                                          "search",
                                          "searchid",
                                          "searchterm",
                                          "searchtermid",
                                          "promptid",
                                          "prompt",
                                          "sessionid",
                                          "session",
                                          "userid",
                                          "user",
                                          "customerid",
                                          "queryuid",
                                          "\xE6\x9F\xA5\xE8\xAF\xA2",
                                          "\xE6\x9F\xA5\xE8\xAF\xA2id",
                                          "\xE9\x97\xAE\xE9\xA2\x98",
                                          "\xE9\x97\xAE\xE9\xA2\x98id",
                                          "\xE6\x9F\xA5\xE8\xAF\xA2\xE7\xBC\x96\xE5\x8F\xB7",
                                          "\xE9\x97\xAE\xE9\xA2\x98\xE7\xBC\x96\xE5\x8F\xB7",
                                          "\xE7\x94\xA8\xE6\x88\xB7"
                                          "id",
                                          "\xE6\x9F\xA5\xE8\xAF\xA2\xE8\xAF\xAD\xE5\x8F\xA5",
                                          "\xE6\xA3\x80\xE7\xB4\xA2\xE8\xAF\x8D",
                                          NULL};
static const char *const doc_names[] = {"doc",
                                        "docid",
                                        "docno",
                                        "document",
                                        "documentid",
                                        "documentno",
                                        "pid",
                                        "passage",
                                        "passageid",
                                        "para",
                                        "paragraph",
                                        "paragraphid",
                                        "corpusid",
                                        "cid",
                                        "candidate",
                                        "candidateid",
                                        "contentid",
                                        "item",
                                        "itemid",
                                        "product",
                                        "productid",
                                        "article",
                                        "articleid",
                                        "aid",
                                        "did",
                                        "answerid",
                                        "recordid",
                                        "hitid",
                                        "hit",
                                        "chunk",
                                        "chunkid",
                                        "sku",
                                        "targetid",
                                        "misconceptionid",
                                        "docuid",
                                        "entity",
                                        "entityid",
                                        "retrievedid",
                                        "resultid",
                                        "\xE6\x96\x87\xE6\xA1\xA3",
                                        "\xE6\x96\x87\xE6\xA1\xA3id",
                                        "\xE6\xAE\xB5\xE8\x90\xBDid",
                                        "\xE6\xAE\xB5\xE8\x90\xBD",
                                        "\xE6\x96\x87\xE6\xA1\xA3\xE7\xBC\x96\xE5\x8F\xB7",
                                        "\xE6\xAE\xB5\xE8\x90\xBD\xE7\xBC\x96\xE5\x8F\xB7",
                                        "\xE5\x95\x86\xE5\x93\x81"
                                        "id",
                                        "\xE6\x96\x87\xE7\xAB\xA0"
                                        "id",
                                        "\xE5\x80\x99\xE9\x80\x89"
                                        "id",
                                        "\xE7\xAD\x94\xE6\xA1\x88"
                                        "id",
                                        "\xE5\x80\x99\xE9\x80\x89\xE6\x96\x87\xE6\xA1\xA3",
                                        NULL};
static const char *const list_names[] = {"docids",
                                         "documentids",
                                         "documents",
                                         "docs",
                                         "docnos",
                                         "pids",
                                         "passageids",
                                         "passages",
                                         "passagesids",
                                         "paragraphs",
                                         "paragraphids",
                                         "corpusids",
                                         "candidates",
                                         "candidateids",
                                         "contentids",
                                         "contents",
                                         "items",
                                         "itemids",
                                         "products",
                                         "productids",
                                         "articles",
                                         "articleids",
                                         "answers",
                                         "answer",
                                         "answerids",
                                         "predictions",
                                         "prediction",
                                         "predicted",
                                         "preds",
                                         "pred",
                                         "predictedids",
                                         "rankedpassages",
                                         "rankeddocs",
                                         "rankeddocuments",
                                         "rankedids",
                                         "rankedlist",
                                         "rankedresults",
                                         "ranking",
                                         "rankings",
                                         "results",
                                         "result",
                                         "hits",
                                         "ids",
                                         "list",
                                         "topk",
                                         "top5",
                                         "top10",
                                         "top20",
                                         "top50",
                                         "top100",
                                         "retrieved",
                                         "retrieveddocs",
                                         "retrieveddocuments",
                                         "retrievedids",
                                         "retrievedpassages",
                                         "relevantdocs",
                                         "relevantids",
                                         "recommended",
                                         "recommendations",
                                         "output",
                                         "expected",
                                         "misconceptionids",
                                         "label",
                                         "target",
                                         "labels",
                                         "targets",
                                         "matches",
                                         "entries",
                                         "\xE6\x96\x87\xE6\xA1\xA3\xE5\x88\x97\xE8\xA1\xA8",
                                         "\xE9\xA2\x84\xE6\xB5\x8B\xE7\xBB\x93\xE6\x9E\x9C",
                                         "\xE6\xA3\x80\xE7\xB4\xA2\xE7\xBB\x93\xE6\x9E\x9C",
                                         "\xE7\xBB\x93\xE6\x9E\x9C",
                                         "\xE6\x96\x87\xE6\xA1\xA3"
                                         "id\xE5\x88\x97\xE8\xA1\xA8",
                                         "\xE5\x80\x99\xE9\x80\x89\xE5\x88\x97\xE8\xA1\xA8",
                                         NULL};
static const char *const score_names[] = {"score",
                                          "sim",
                                          "simscore",
                                          "similarity",
                                          "similarityscore",
                                          "prob",
                                          "probability",
                                          "proba",
                                          "relevance",
                                          "relevancescore",
                                          "rel",
                                          "confidence",
                                          "conf",
                                          "logit",
                                          "weight",
                                          "value",
                                          "cosine",
                                          "distance",
                                          "dist",
                                          "rsv",
                                          "rerankscore",
                                          "finalscore",
                                          "scorepercent",
                                          "percent",
                                          "pct",
                                          "scorepct",
                                          "\xE5\x88\x86\xE6\x95\xB0",
                                          "\xE5\xBE\x97\xE5\x88\x86",
                                          "\xE7\x9B\xB8\xE4\xBC\xBC\xE5\xBA\xA6",
                                          "\xE7\x9B\xB8\xE5\x85\xB3\xE6\x80\xA7",
                                          "\xE7\x9B\xB8\xE5\x85\xB3\xE5\xBA\xA6",
                                          "\xE7\xBD\xAE\xE4\xBF\xA1\xE5\xBA\xA6",
                                          NULL};
static const char *const scores_names[] = {"scores",      "sims",   "similarities", "probs",  "probabilities", "relevances",
                                           "confidences", "logits", "weights",      "values", "distances",     NULL};
static const char *const rank_names[] = {"rank",
                                         "position",
                                         "pos",
                                         "order",
                                         "place",
                                         "rk",
                                         "rankno",
                                         "rnk",
                                         "\xE6\x8E\x92\xE5\x90\x8D",
                                         "\xE6\x8E\x92\xE5\xBA\x8F",
                                         "\xE5\x90\x8D\xE6\xAC\xA1",
                                         NULL};
static const char *const constant_names[] = {"q0",      "iter",   "iteration", "tag",  "run",    "runid",
                                             "runname", "runtag", "system",    "team", "teamid", NULL};
static const char *const row_names[] = {"rowid",
                                        "index",
                                        "idx",
                                        "row",
                                        "rowno",
                                        "pairid",
                                        "no",
                                        "lineno",
                                        "unnamed0",
                                        "\xE5\xBA\x8F\xE5\x8F\xB7",
                                        "\xE8\xA1\x8C\xE5\x8F\xB7",
                                        NULL};
static const char *const query_text_names[] = {"querytext", "questiontext", "topictext", "querystring", "querytitle", NULL};
static const char *const doc_text_names[] = {"passagetext", "documenttext", "doctext",  "text",    "title",
                                             "body",        "content",      "doctitle", "snippet", NULL};
static const char *const wrapper_names[] = {"results", "result",  "data",    "predictions", "submission", "submissions",
                                            "answers", "queries", "ranking", "rankings",    "run",        "output",
                                            "outputs", "records", "rows",    "items",       "list",       "test",
                                            "dev",     "valid",   "default", "validation",  NULL};

/* Lower case, without ASCII punctuation and blanks; cut where it is longer than any name. */
static size_t plain(tri_text name, char out[64])
{
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < 63; i++) {
        unsigned char c = (unsigned char)name.bytes[i];
        if (c >= 'A' && c <= 'Z') c = (unsigned char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80) out[n++] = (char)c;
    }
    out[n] = 0;
    return n;
}

static bool among(const char *word, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(word, *names) == 0) return true;
    return false;
}

submission_role submission_role_of_name(tri_text name)
{
    static const struct {
        const char *const *names;
        submission_role role;
    } tables[] = {
        {query_names, ROLE_QUERY},       {doc_names, ROLE_DOC},           {list_names, ROLE_LIST},
        {score_names, ROLE_SCORE},       {scores_names, ROLE_SCORES},     {rank_names, ROLE_RANK},
        {row_names, ROLE_ROW},           {constant_names, ROLE_CONSTANT}, {query_text_names, ROLE_QUERY_TEXT},
        {doc_text_names, ROLE_DOC_TEXT},
    };
    char word[64];
    plain(name, word);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (among(word, tables[i].names)) return tables[i].role;
    return ROLE_OTHER;
}

bool submission_name_is_id(tri_text name)
{
    char word[64];
    size_t n = plain(name, word);
    return n >= 2 && (strcmp(word + n - 2, "id") == 0 || strcmp(word + n - 2, "no") == 0 ||
                      (n >= 3 && (strcmp(word + n - 3, "key") == 0 || strcmp(word + n - 3, "num") == 0)));
}

bool submission_name_is_plain_id(tri_text name)
{
    char word[64];
    plain(name, word);
    return strcmp(word, "id") == 0;
}

bool submission_name_is_wrapper(tri_text name)
{
    char word[64];
    plain(name, word);
    return among(word, wrapper_names);
}

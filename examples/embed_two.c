/* SPDX-License-Identifier: Apache-2.0 */
/* embed_two.c — how alike are two sentences? The whole library in one screen.
 *
 *   cc embed_two.c $(pkg-config --cflags --libs trident) -o embed_two && ./embed_two MODEL_FOLDER */
#include <stdio.h>
#include <string.h>
#include <trident.h>

int main(int argc, char **argv)
{
    const char *sentence[2] = {"How do plants make food?", "Photosynthesis turns sunlight into sugar."};
    tri_text texts[2] = {{sentence[0], strlen(sentence[0])}, {sentence[1], strlen(sentence[1])}};
    tri_error err = {0};
    tri_engine *engine = NULL;
    tri_model *model = NULL;
    tri_session *session = NULL;
    tri_embeddings *e = NULL;

    tri_status st = argc == 2 ? tri_engine_open(NULL, &engine, &err) : TRI_ERR_ARGUMENT;
    if (!st) st = tri_model_open(engine, argv[1], NULL, &model, &err);
    if (!st) st = tri_session_new(model, NULL, &session, &err);
    if (!st) st = tri_embed_texts(session, NULL, texts, 2, &e, &err);
    if (!st) {
        printf("dense  %.4f\n", tri_score_dense(tri_embeddings_dense(e, 0), tri_embeddings_dense(e, 1)));
        printf("sparse %.4f\n", tri_score_sparse(tri_embeddings_sparse(e, 0), tri_embeddings_sparse(e, 1)));
        printf("multi  %.4f\n", tri_score_multi(tri_embeddings_multi(e, 0), tri_embeddings_multi(e, 1)));
    } else {
        fprintf(stderr, "%s\n", argc == 2 ? err.text : "usage: embed_two MODEL_FOLDER");
    }
    tri_embeddings_free(e);
    tri_session_free(session);
    tri_model_close(model);
    tri_engine_close(engine);
    return st != TRI_OK;
}

#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/memory.h"

static EVP_MD *algorithm;
static EVP_MD_CTX *context;

result digest_init(void) {
    uint64_t mark = memory_mark();
    if (algorithm == NULL)
        algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (algorithm == NULL)
        return memory_mark() != mark ? &fault_no_memory : &fault_library;
    if (context == NULL)
        context = EVP_MD_CTX_new();
    /* The first time it allocates; from then on nothing here can fail. */
    if (context != NULL && EVP_DigestInit_ex2(context, algorithm, NULL) == 1)
        return OK;
    EVP_MD_CTX_free(context);
    context = NULL;
    return &fault_no_memory;
}

void digest_done(void) {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
    context = NULL;
    algorithm = NULL;
}

void digest_of_parts(const struct span *parts, size_t count, struct hash *ret_hash) {
    if (context == NULL && digest_init() != OK)
        abort();
    bool good = EVP_DigestInit_ex2(context, algorithm, NULL) == 1;
    for (size_t i = 0; i < count && good; i++)
        good = parts[i].size == 0 || EVP_DigestUpdate(context, parts[i].bytes, parts[i].size) == 1;
    if (!good || EVP_DigestFinal_ex(context, ret_hash->bytes, NULL) != 1)
        abort();
}

void digest_of(struct span bytes, struct hash *ret_hash) {
    digest_of_parts(&bytes, 1, ret_hash);
}

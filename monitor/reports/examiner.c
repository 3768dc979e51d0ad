#include "reports/examiner.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/memory.h"
#include "reader/sandbox.h"
#include "reports/examine.h"
#include "rules/issuer_check.h"

enum { EXIT_GOOD = 0, EXIT_STARTING = 70, EXIT_REQUEST = 76 };
#define ADDRESS_SPACE ((uint64_t) 512 * 1024 * 1024) /* with the program and its libraries; one report takes a few megabytes */

static bool read_whole(void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = read(STDIN_FILENO, (uint8_t *) bytes + done, size - done);
        if (count <= 0)
            return false;
        done += (size_t) count;
    }
    return true;
}

static bool write_whole(const void *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t count = write(STDOUT_FILENO, (const uint8_t *) bytes + done, size - done);
        if (count <= 0)
            return false;
        done += (size_t) count;
    }
    return true;
}

static int compare_bytes(const void *left, const void *right) {
    return *(const uint8_t *) left - *(const uint8_t *) right;
}

/* As in a reader: glibc asks for the size of the memory when it first sorts more than a kilobyte, OpenSSL for a seed after an hour. */
static bool settle_libraries(void) {
    uint8_t bytes[4096] = {1}, byte;
    time_t never = 0;
    unsigned requests = 0;
    OSSL_PARAM settings[] = {OSSL_PARAM_construct_time_t(OSSL_DRBG_PARAM_RESEED_TIME_INTERVAL, &never),
                             OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &requests), OSSL_PARAM_construct_end()};
    qsort(bytes, sizeof bytes, 1, compare_bytes);
    return RAND_bytes(&byte, 1) == 1 && RAND_priv_bytes(&byte, 1) == 1 && EVP_RAND_CTX_set_params(RAND_get0_primary(NULL), settings) == 1 &&
           EVP_RAND_CTX_set_params(RAND_get0_public(NULL), settings) == 1 && EVP_RAND_CTX_set_params(RAND_get0_private(NULL), settings) == 1;
}

/* Everything that libraries load at first use must be there before the sandbox closes. */
static bool warm_up(void) {
    json_object_seed(0);
    memory_count_libraries();
    return OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1 && digest_init() == OK && settle_libraries() &&
           issuer_check_warm_up() == OK;
}

static bool answer(enum examiner_status status, const char *text, size_t size) {
    struct examiner_answer head = {.status = status, .size = (uint32_t) size};
    return write_whole(&head, sizeof head) && write_whole(text, size);
}

static int serve(void) {
    static uint8_t body[CLIENT_REPORT_SIZE_MAX];
    struct examiner_request request;
    while (read_whole(&request, sizeof request)) {
        struct reason reason = {""};
        CLEANUP(buffer_done) struct buffer text = buffer_with_limit(EXAMINE_TEXT_MAX);
        if (request.size > sizeof body || request.zero != 0 || !read_whole(body, request.size))
            return EXIT_REQUEST;
        result outcome = examine_report(span_of(body, request.size), request.now, &text, &reason);
        if (outcome != OK && outcome->family == FAULT_RETRY)
            return EXIT_STARTING; /* who has no memory says nothing of a report */
        if (outcome != OK && reason.text[0] == '\0')
            reason_of_fault(outcome, &reason);
        bool is_told = outcome == OK ? answer(EXAMINER_TEXT, buffer_text(&text), text.size) : answer(EXAMINER_REFUSAL, reason.text, strlen(reason.text));
        if (!is_told)
            return EXIT_GOOD;
    }
    return EXIT_GOOD;
}

int examiner_serve(void) {
    const struct examiner_answer ready = {.status = 0};
    prctl(PR_SET_NAME, "pinwatch-examin"); /* it would be called "exe" */
    sandbox_prepare_memory();
    if (!warm_up() || sandbox_enter(ADDRESS_SPACE) != OK) {
        fputs("pinwatch-reports: the process that reads reports cannot be closed in\n", stderr);
        return EXIT_STARTING;
    }
    _exit(write_whole(&ready, sizeof ready) ? serve() : EXIT_GOOD);
}

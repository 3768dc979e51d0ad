/* POST of JSON with Standard Webhooks headers. */
#include <curl/curl.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "channels/channel.h"
#include "channels/configuration.h"
#include "channels/payload.h"
#include "channels/secret.h"
#include "channels/standard_webhooks.h"

#define ANSWER_SIZE_MAX (64u << 10)
#define HEADER_SIZE_MAX 160
#define HTTP_GONE       410

static const struct configuration_field fields[] = {
    {.name = "url", .type = CONFIGURATION_TEXT, .is_required = true, .least = 8, .most = 2048},
    {.name = "allows_http", .type = CONFIGURATION_FLAG},
    {.name = "unsigned", .type = CONFIGURATION_FLAG},
    {.name = "timeout_seconds", .type = CONFIGURATION_NUMBER, .least = 1, .most = 120, .default_number = 15},
    {.name = NULL},
};

struct webhook_attempt {
    struct attempt attempt;
    struct transfer *transfer;
    channel_done done;
    void *context;
    char *payload; /* from Jansson */
    uint8_t *answer;
};

static void attempt_free(struct webhook_attempt *webhook) {
    if (webhook == NULL)
        return;
    memory_free_foreign(webhook->payload);
    memory_free(webhook->answer);
    memory_free(webhook);
}

CLEANUP_OF_POINTER(struct webhook_attempt, attempt_free)

static bool part_is_empty(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool is_empty = curl_url_get(url, part, &text, 0) != CURLUE_OK || text == NULL;
    curl_free(text);
    return is_empty;
}

static result check_scheme(const char *scheme, const char *host, bool allows_http, struct reason *reason) {
    char plain[256];
    size_t size = strlen(host);
    bool has_brackets = size > 2 && host[0] == '[' && host[size - 1] == ']';
    snprintf(plain, sizeof plain, "%.*s", (int) (has_brackets ? size - 2 : size), has_brackets ? host + 1 : host);
    if (strcmp(scheme, "https") == 0)
        return OK;
    if (strcmp(scheme, "http") != 0)
        return reason_set(reason, &fault_channel_configuration, "field url: scheme %s, wanted https", scheme);
    return allows_http || host_is_loopback(plain)
               ? OK
               : reason_set(reason, &fault_channel_configuration,
                            "field url: http to another machine, wanted https (or allows_http: true, then anybody on the way can read it)");
}

static result check_parts(CURLU *url, const char *text, bool allows_http, struct reason *reason) {
    char *scheme = NULL, *host = NULL;
    result outcome;
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK || curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        outcome = reason_set(reason, &fault_channel_configuration, "field url: not a URL, wanted https://host/path");
    else if (!part_is_empty(url, CURLUPART_USER) || !part_is_empty(url, CURLUPART_PASSWORD))
        outcome = reason_set(reason, &fault_channel_configuration,
                             "field url: holds a user name or password, wanted none (the receiver checks the signature)");
    else
        outcome = check_scheme(scheme, host, allows_http, reason);
    curl_free(scheme);
    curl_free(host);
    return outcome;
}

static result check_configuration(const json_t *configuration, const char *secret_name, struct reason *reason) {
    TRY(configuration_check(configuration, fields, reason));
    if (secret_name[0] == '\0' && !configuration_flag(configuration, "unsigned"))
        return reason_set(reason, &fault_channel_configuration,
                          "secret: missing, wanted the name of one to sign with (or unsigned: true)");
    CURLU *url = curl_url();
    if (url == NULL)
        return reason_set(reason, &fault_no_memory, "field url: no memory to check it");
    result outcome = check_parts(url, configuration_text(configuration, "url"),
                                 configuration_flag(configuration, "allows_http"), reason);
    curl_url_cleanup(url);
    return outcome;
}

static int64_t deadline_ms(const json_t *configuration) {
    return configuration_number(configuration, fields, "timeout_seconds") * 1000 + 2000;
}

static bool was_accepted(const struct transfer_answer *answer) {
    return answer->status >= 200 && answer->status <= 299 &&
           (answer->fault == OK || answer->fault == &fault_transfer_too_large);
}

static void finished(void *context, const struct transfer_answer *answer) {
    struct webhook_attempt *webhook = context;
    struct channel_outcome outcome = {.verdict = CHANNEL_RETRY, .retry_after_ms = answer->retry_after_ms};
    channel_done done = webhook->done;
    void *done_context = webhook->context;
    if (was_accepted(answer))
        outcome.verdict = CHANNEL_DELIVERED;
    else if (answer->status == HTTP_GONE)
        outcome.verdict = CHANNEL_GONE;
    if (outcome.verdict != CHANNEL_DELIVERED && answer->status != 0 && (answer->fault == OK || answer->fault == &fault_transfer_status))
        (void) reason_set(&outcome.reason, &fault_transfer_status, "the receiver answered with status %ld, wanted 200 to 299",
                          answer->status);
    else if (outcome.verdict != CHANNEL_DELIVERED)
        outcome.reason = answer->reason;
    attempt_free(webhook);
    done(done_context, &outcome);
}

/* Leaves `signature` empty for an unsigned channel. */
static result sign(const struct channel_tools *tools, const struct channel_job *job, int64_t now_s, const char *payload,
                   char signature[WEBHOOK_SIGNATURE_SIZE], struct reason *reason) {
    struct secret secret;
    signature[0] = '\0';
    if (job->secret_name[0] == '\0')
        return OK;
    TRY(secret_read(tools->settings, job->secret_name, &secret, reason));
    result outcome = webhook_sign(secret.text, job->idempotency_key, now_s, span_of_text(payload), signature);
    secret_wipe(&secret);
    if (outcome != OK)
        reason_of_fault(outcome, reason);
    return outcome;
}

static result start_transfer(const struct channel_tools *tools, const struct channel_job *job, struct webhook_attempt *webhook,
                             struct reason *reason) {
    char id[HEADER_SIZE_MAX], timestamp[HEADER_SIZE_MAX], signature_line[HEADER_SIZE_MAX], signature[WEBHOOK_SIGNATURE_SIZE];
    int64_t now_s = clock_wall_ms() / 1000;
    TRY(sign(tools, job, now_s, webhook->payload, signature, reason));
    snprintf(id, sizeof id, "webhook-id: %s", job->idempotency_key);
    snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %lld", (long long) now_s);
    snprintf(signature_line, sizeof signature_line, "webhook-signature: %s", signature);
    const char *const headers[] = {"Content-Type: application/json", "Expect:", id, timestamp,
                                   signature[0] == '\0' ? NULL : signature_line, NULL};
    int64_t timeout_ms = configuration_number(job->configuration, fields, "timeout_seconds") * 1000;
    struct transfer_request request = {
        .url = configuration_text(job->configuration, "url"),
        .body = webhook->answer,
        .body_room = ANSWER_SIZE_MAX,
        .timeout_ms = timeout_ms,
        .verifies_tls = true,
        .post = span_of_text(webhook->payload),
        .headers = headers,
    };
    result outcome = transfer_start(tools->net, &request, finished, webhook, &webhook->transfer);
    if (outcome != OK)
        reason_of_fault(outcome, reason);
    return outcome;
}

static result start(const struct channel_tools *tools, const struct channel_job *job, channel_done done, void *context,
                    struct attempt **ret_attempt, struct reason *reason) {
    CLEANUP(attempt_free_at) struct webhook_attempt *webhook = memory_new(sizeof *webhook);
    if (webhook == NULL)
        return reason_set(reason, &fault_no_memory, "webhook: no memory");
    *webhook = (struct webhook_attempt){.attempt.kind = &channel_webhook, .done = done, .context = context};
    webhook->payload = payload_of_webhook(job);
    webhook->answer = memory_new(ANSWER_SIZE_MAX);
    if (webhook->payload == NULL || webhook->answer == NULL)
        return reason_set(reason, &fault_no_memory, "webhook: no memory");
    TRY(start_transfer(tools, job, webhook, reason));
    *ret_attempt = &TAKE(webhook)->attempt;
    return OK;
}

static void cancel(struct attempt *attempt) {
    struct webhook_attempt *webhook = (struct webhook_attempt *) attempt;
    transfer_cancel(webhook->transfer);
    attempt_free(webhook);
}

const struct channel_kind channel_webhook = {
    .name = "webhook",
    .at_once = 4,
    .check_configuration = check_configuration,
    .deadline_ms = deadline_ms,
    .start = start,
    .cancel = cancel,
};

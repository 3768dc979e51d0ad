/* One mail over SMTP, through libcurl on the loop. */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "channels/channel.h"
#include "channels/configuration.h"
#include "channels/mime.h"
#include "channels/secret.h"

#define RECIPIENTS_MAX 50

static const struct configuration_field fields[] = {
    {.name = "server", .type = CONFIGURATION_TEXT, .is_required = true, .least = 1, .most = 253},
    {.name = "port", .type = CONFIGURATION_NUMBER, .least = 1, .most = 65535, .default_number = 0},
    {.name = "security", .type = CONFIGURATION_TEXT, .least = 3, .most = 8},
    {.name = "allows_plain", .type = CONFIGURATION_FLAG},
    {.name = "user", .type = CONFIGURATION_TEXT, .least = 1, .most = 254},
    {.name = "from", .type = CONFIGURATION_TEXT, .is_required = true, .least = 3, .most = MAIL_ADDRESS_MAX},
    {.name = "from_name", .type = CONFIGURATION_TEXT, .least = 0, .most = 100},
    {.name = "to", .type = CONFIGURATION_TEXTS, .is_required = true, .least = 1, .most = RECIPIENTS_MAX},
    {.name = "timeout_seconds", .type = CONFIGURATION_NUMBER, .least = 5, .most = 120, .default_number = 60},
    {.name = NULL},
};

struct security {
    const char *name;
    const char *scheme;
    long default_port;
    long use_ssl;
};

static const struct security securities[] = {
    {"starttls", "smtp", 587, CURLUSESSL_ALL},
    {"tls", "smtps", 465, CURLUSESSL_ALL},
    {"plain", "smtp", 25, CURLUSESSL_NONE},
};

struct email_attempt {
    struct attempt attempt;
    struct net *net;
    CURL *easy;
    struct curl_slist *recipients;
    struct buffer message;
    size_t sent;
    long last_refusal; /* newest answer of 400 and more; one recipient of several may be refused while the mail is taken */
    char error[CURL_ERROR_SIZE];
    channel_done done;
    void *context;
};

static void attempt_free(struct email_attempt *email) {
    if (email == NULL)
        return;
    if (email->easy != NULL)
        curl_easy_cleanup(email->easy);
    curl_slist_free_all(email->recipients);
    buffer_done(&email->message);
    memory_free(email);
}

CLEANUP_OF_POINTER(struct email_attempt, attempt_free)

static const struct security *security_of(const json_t *configuration) {
    const char *name = configuration_text(configuration, "security");
    if (name[0] == '\0')
        return &securities[0];
    for (size_t i = 0; i < sizeof(securities) / sizeof(securities[0]); i++)
        if (strcmp(securities[i].name, name) == 0)
            return &securities[i];
    return NULL;
}

static bool server_is_plain(const char *server) {
    bool is_address = strchr(server, ':') != NULL;
    return server[strspn(server, is_address ? "0123456789abcdefABCDEF:." 
                                            : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == '\0';
}

static result check_addresses(const json_t *configuration, struct reason *reason) {
    const json_t *to = json_object_get(configuration, "to");
    const char *from = configuration_text(configuration, "from");
    if (!mail_address_is_plain(from))
        return reason_set(reason, &fault_channel_configuration, "field from: %s, wanted name@domain in plain ASCII", from);
    for (size_t i = 0; i < json_array_size(to); i++) {
        const char *address = json_string_value(json_array_get(to, i));
        if (!mail_address_is_plain(address))
            return reason_set(reason, &fault_channel_configuration, "field to: %s, wanted name@domain in plain ASCII", address);
    }
    return OK;
}

static result check_configuration(const json_t *configuration, const char *secret_name, struct reason *reason) {
    TRY(configuration_check(configuration, fields, reason));
    const char *server = configuration_text(configuration, "server");
    const struct security *security = security_of(configuration);
    bool is_plain = security != NULL && security->use_ssl == CURLUSESSL_NONE;
    if (!server_is_plain(server))
        return reason_set(reason, &fault_channel_configuration, "field server: %s, wanted a host name or address", server);
    if (security == NULL)
        return reason_set(reason, &fault_channel_configuration, "field security: %s, wanted starttls, tls or plain",
                          configuration_text(configuration, "security"));
    if (is_plain && !host_is_loopback(server) && !configuration_flag(configuration, "allows_plain"))
        return reason_set(reason, &fault_channel_configuration,
                          "field security: plain to another machine, wanted starttls or tls (or allows_plain: true)");
    bool has_user = configuration_text(configuration, "user")[0] != '\0';
    if (has_user != (secret_name[0] != '\0'))
        return reason_set(reason, &fault_channel_configuration,
                          has_user ? "secret: missing, wanted the name of the password of the user"
                                   : "field user: missing, wanted the user whose password the secret is");
    if (is_plain && has_user && !host_is_loopback(server))
        return reason_set(reason, &fault_channel_configuration,
                          "field security: plain with a password, wanted starttls or tls, so that nobody can read the password");
    return check_addresses(configuration, reason);
}

static int64_t deadline_ms(const json_t *configuration) {
    return configuration_number(configuration, fields, "timeout_seconds") * 1000 + 2000;
}

static size_t give_message(char *place, size_t size, size_t count, void *context) {
    struct email_attempt *email = context;
    size_t left = email->message.size - email->sent;
    size_t given = left < size * count ? left : size * count;
    memcpy(place, email->message.bytes + email->sent, given);
    email->sent += given;
    return given;
}

/* The server's answer lines come as headers. */
static size_t take_answer_line(char *line, size_t size, size_t count, void *context) {
    struct email_attempt *email = context;
    uint64_t code = 0;
    if (size * count >= 3 && text_to_number(span_of(line, 3), 599, &code) == OK && code >= 400)
        email->last_refusal = (long) code;
    return size * count;
}

static void describe_failure(const struct email_attempt *email, CURLcode code, struct reason *reason) {
    long status = 0;
    curl_easy_getinfo(email->easy, CURLINFO_RESPONSE_CODE, &status);
    const char *words = email->error[0] != '\0' ? email->error : curl_easy_strerror(code);
    if (status >= 400)
        (void) reason_set(reason, &fault_transfer_broken, "the mail server answered %ld: %s", status, words);
    else
        (void) reason_set(reason, &fault_transfer_broken, "mail not sent: %s", words);
}

static void finished(void *context, CURLcode code) {
    struct email_attempt *email = context;
    struct channel_outcome outcome = {.verdict = CHANNEL_DELIVERED, .retry_after_ms = -1};
    channel_done done = email->done;
    void *done_context = email->context;
    if (code != CURLE_OK) {
        outcome.verdict = CHANNEL_RETRY;
        describe_failure(email, code, &outcome.reason);
    } else if (email->last_refusal != 0) {
        (void) reason_set(&outcome.reason, &fault_transfer_broken,
                          "the mail was taken, but the server refused a recipient with %ld", email->last_refusal);
    }
    attempt_free(email);
    done(done_context, &outcome);
}

static result write_message(const struct channel_job *job, struct buffer *message) {
    const json_t *list = json_object_get(job->configuration, "to");
    const char *to[RECIPIENTS_MAX + 1] = {NULL};
    for (size_t i = 0; i < json_array_size(list) && i < RECIPIENTS_MAX; i++)
        to[i] = json_string_value(json_array_get(list, i));
    struct mail mail = {
        .from = configuration_text(job->configuration, "from"),
        .from_name = configuration_text(job->configuration, "from_name"),
        .to = to,
        .subject = buffer_text(&job->message->subject),
        .text = buffer_text(&job->message->page.text),
        .html = buffer_text(&job->message->page.html),
        .idempotency_key = job->idempotency_key,
        .tenant_id = job->alert->tenant_id,
        .finding_id = job->alert->finding_id,
        .created_ms = job->alert->created_ms,
    };
    return mail_write(&mail, message);
}

static bool set_envelope(struct email_attempt *email, const json_t *configuration) {
    const json_t *list = json_object_get(configuration, "to");
    char from[MAIL_ADDRESS_MAX + 3];
    for (size_t i = 0; i < json_array_size(list); i++) {
        char recipient[MAIL_ADDRESS_MAX + 3];
        snprintf(recipient, sizeof recipient, "<%s>", json_string_value(json_array_get(list, i)));
        struct curl_slist *longer = curl_slist_append(email->recipients, recipient);
        if (longer == NULL)
            return false;
        email->recipients = longer;
    }
    snprintf(from, sizeof from, "<%s>", configuration_text(configuration, "from"));
    return curl_easy_setopt(email->easy, CURLOPT_MAIL_FROM, from) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_MAIL_RCPT, email->recipients) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L) == CURLE_OK;
}

static bool set_server(struct email_attempt *email, const json_t *configuration, const struct settings *settings) {
    const struct security *security = security_of(configuration);
    const char *server = configuration_text(configuration, "server");
    bool is_v6 = strchr(server, ':') != NULL;
    int64_t port = configuration_number(configuration, fields, "port");
    char url[400];
    snprintf(url, sizeof url, "%s://%s%s%s:%lld/", security->scheme, is_v6 ? "[" : "", server, is_v6 ? "]" : "",
             (long long) (port == 0 ? security->default_port : port));
    const char *ca_file = settings->ca_file;
    if (ca_file != NULL && ca_file[0] != '\0' && curl_easy_setopt(email->easy, CURLOPT_CAINFO, ca_file) != CURLE_OK)
        return false;
    return curl_easy_setopt(email->easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_USE_SSL, security->use_ssl) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_TIMEOUT_MS,
                            (long) configuration_number(configuration, fields, "timeout_seconds") * 1000) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_CONNECTTIMEOUT_MS, 20000L) == CURLE_OK;
}

static bool set_callbacks(struct email_attempt *email) {
    return curl_easy_setopt(email->easy, CURLOPT_READFUNCTION, give_message) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_READDATA, email) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_HEADERFUNCTION, take_answer_line) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_HEADERDATA, email) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) email->message.size) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(email->easy, CURLOPT_ERRORBUFFER, email->error) == CURLE_OK;
}

/* libcurl keeps a copy of the password until the handle is freed at the end of the attempt; ours is wiped here. */
static result set_login(struct email_attempt *email, const struct channel_tools *tools, const struct channel_job *job,
                        struct reason *reason) {
    struct secret secret;
    if (job->secret_name[0] == '\0')
        return OK;
    TRY(secret_read(tools->settings, job->secret_name, &secret, reason));
    bool is_set = curl_easy_setopt(email->easy, CURLOPT_USERNAME, configuration_text(job->configuration, "user")) == CURLE_OK &&
                  curl_easy_setopt(email->easy, CURLOPT_PASSWORD, secret.text) == CURLE_OK;
    secret_wipe(&secret);
    return is_set ? OK : reason_set(reason, &fault_no_memory, "e-mail: no memory");
}

static result start(const struct channel_tools *tools, const struct channel_job *job, channel_done done, void *context,
                    struct attempt **ret_attempt, struct reason *reason) {
    CLEANUP(attempt_free_at) struct email_attempt *email = memory_new(sizeof *email);
    if (email == NULL)
        return reason_set(reason, &fault_no_memory, "e-mail: no memory");
    *email = (struct email_attempt){.attempt.kind = &channel_email, .net = tools->net, .done = done, .context = context,
                                    .message = buffer_with_limit(MAIL_SIZE_MAX)};
    result outcome = write_message(job, &email->message);
    if (outcome != OK)
        return reason_set(reason, outcome, "e-mail: the message could not be written");
    email->easy = curl_easy_init();
    if (email->easy == NULL || !set_envelope(email, job->configuration) ||
        !set_server(email, job->configuration, tools->settings) || !set_callbacks(email))
        return reason_set(reason, &fault_no_memory, "e-mail: libcurl had no memory to be set up");
    TRY(set_login(email, tools, job, reason));
    outcome = net_run_easy(tools->net, email->easy, finished, email);
    if (outcome != OK)
        return reason_set(reason, outcome, "e-mail: libcurl refused to start");
    *ret_attempt = &TAKE(email)->attempt;
    return OK;
}

static void cancel(struct attempt *attempt) {
    struct email_attempt *email = (struct email_attempt *) attempt;
    net_cancel_easy(email->net, email->easy);
    attempt_free(email);
}

const struct channel_kind channel_email = {
    .name = "email",
    .at_once = 2,
    .check_configuration = check_configuration,
    .deadline_ms = deadline_ms,
    .start = start,
    .cancel = cancel,
};

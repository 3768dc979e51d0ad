/* What a channel is given: its configuration in JSON, then an alert's body in JSON behind a NUL. A configuration that is taken needs
 * no further look; payloads are JSON in ASCII, mails have lines that no text of others can break out of.
 *
 * library: channels
 * parser: channels/configuration.c channels/payload.c channels/mime.c channels/standard_webhooks.c channels/hook_environment.c
 * seeds: channel */
#include <jansson.h>

#include "base/memory.h"
#include "channels/channel.h"
#include "channels/configuration.h"
#include "channels/hook_environment.h"
#include "channels/mime.h"
#include "channels/payload.h"
#include "channels/standard_webhooks.h"
#include "fuzz/harness.h"

#define MAIL_LIMIT ((size_t) 16 * 1024 * 1024)

static void check_configuration(const json_t *configuration) {
    static const char *const kinds[] = {"webhook", "email", "hook"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct channel_kind *kind = channel_kind_find(kinds[i]);
        struct reason reason = {""};
        result outcome = kind->check_configuration(configuration, "secret", &reason);
        require(outcome == OK || reason.text[0] != '\0');
        if (outcome == OK)
            require(kind->deadline_ms(configuration) > 0);
        (void) !kind->check_configuration(configuration, "", &reason);
    }
}

static void check_payload(char *text) {
    require(text != NULL);
    for (const char *c = text; *c != '\0'; c++)
        require(*c >= ' ' || *c == '\n');
    json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(again));
    json_decref(again);
    memory_free_foreign(text);
}

/* Every line ends in CRLF and is short; a header's name or a continuation begins it until the empty line. */
static void check_mail(struct span mail) {
    bool is_header = true;
    for (size_t at = 0; at < mail.size;) {
        const uint8_t *end = memmem(mail.bytes + at, mail.size - at, "\r\n", 2);
        require(end != NULL);
        struct span line = span_of(mail.bytes + at, (size_t) (end - mail.bytes) - at);
        require(line.size <= 998);
        for (size_t i = 0; i < line.size; i++)
            require(line.bytes[i] >= ' ' && line.bytes[i] <= '~');
        static const char *const names[] = {"Date:", "From:", "To:", "Subject:", "Message-ID:", "In-Reply-To:", "References:", "MIME-",
                                            "Content-", "Auto-", "X-", " ", "Precedence"};
        bool is_known = !is_header || line.size == 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            is_known = is_known || (line.size >= strlen(names[i]) && memcmp(line.bytes, names[i], strlen(names[i])) == 0);
        require(is_known);
        is_header = is_header && line.size > 0;
        at += line.size + 2;
    }
}

static void write_mail(const struct message *message, const char *from_name, const char *address) {
    CLEANUP(buffer_done) struct buffer out = buffer_with_limit(MAIL_LIMIT);
    const char *to[] = {"a@example.com", mail_address_is_plain(address) ? address : NULL, NULL};
    struct mail mail = {.from = "pinwatch@example.com", .from_name = from_name, .to = to, .subject = buffer_text(&message->subject),
                        .text = buffer_text(&message->page.text), .html = buffer_text(&message->page.html),
                        .idempotency_key = "00000000-0000-0000-0000-000000000000", .tenant_id = 1, .finding_id = 9};
    require(mail_write(&mail, &out) == OK);
    check_mail(buffer_span(&out));
}

/* Each is NAME=value; a value holds no line break. */
static void check_environment(const struct channel_job *job) {
    static const struct settings settings = {.state_folder = "/nowhere"};
    static const struct hook_files files = {.json = "/nowhere/json", .text = "/nowhere/text"};
    struct arena *arena = arena_new((size_t) 4 * 1024 * 1024);
    require(arena != NULL);
    char **list = hook_environment_make(arena, &settings, job, &files);
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        const char *value = strchr(list[i], '=');
        require(value != NULL && value > list[i]);
        for (const char *c = value; *c != '\0'; c++)
            require((uint8_t) *c >= ' ' && *c != 0x7f);
    }
    arena_free(arena);
}

/* The body may say for which rule it is. */
static const char *alert_rule(const json_t *body) {
    const char *rule = json_string_value(json_object_get(body, "rule"));
    return rule == NULL ? "certificate.unexpected-issuer" : rule;
}

static void tell(const json_t *configuration, const json_t *body) {
    CLEANUP(message_done) struct message message;
    struct reason reason;
    const char *rule = alert_rule(body);
    struct alert alert = {.tenant_id = 1, .alert_id = 5, .finding_id = 9, .rule = rule, .severity = "critical",
                          .body = body, .pem = ""};
    struct channel_job job = {.alert = &alert, .message = &message, .configuration = configuration, .channel = "here",
                              .secret_name = "", .idempotency_key = "00000000-0000-0000-0000-000000000000", .attempt = 1};
    require(message_write(&alert, &message) == OK);
    check_payload(payload_of_webhook(&job));
    check_payload(payload_of_hook(&job));
    if (channel_hook.check_configuration(configuration, "", &reason) == OK)
        check_environment(&job);
    write_mail(&message, configuration_text(configuration, "from_name"), configuration_text(configuration, "from"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const uint8_t *end = size == 0 ? NULL : memchr(bytes, 0, size);
    size_t first = end == NULL ? size : (size_t) (end - bytes);
    json_t *configuration = json_loadb((const char *) bytes, first, JSON_REJECT_DUPLICATES, NULL);
    json_t *body = end == NULL ? NULL : json_loadb((const char *) end + 1, size - first - 1, JSON_REJECT_DUPLICATES, NULL);
    char signature[WEBHOOK_SIGNATURE_SIZE];
    check_configuration(configuration);
    if (json_is_object(configuration) && json_is_object(body))
        tell(configuration, body);
    const char *secret = configuration_text(configuration, "secret");
    if (webhook_sign(secret, "id", 1, span_of(bytes, size), signature) == OK)
        require(strncmp(signature, "v1,", 3) == 0);
    json_decref(configuration);
    json_decref(body);
    return 0;
}

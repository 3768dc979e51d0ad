#include "settings/fields.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

#define AT(field) .offset = offsetof(struct settings, field)
#define AT_LOG(field) .offset = offsetof(struct settings_log, field)
#define AT_RESOLVER(field) .offset = offsetof(struct settings_resolver, field)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct setting file_settings[] = {
    {"state_folder", SETTING_PATH, true, AT(state_folder), .standard = "",
     .comment = "Where pinwatch keeps what it must remember: the private database, secrets, the pid file."},
    {"database", SETTING_TEXT, false, AT(database), .standard = "",
     .comment = "A libpq connection string, e.g. \"host=db1,db2 dbname=pinwatch target_session_attrs=read-write\".\n"
                "Empty: a private PostgreSQL in the state folder that pinwatch starts and stops itself."},
    {"contact", SETTING_TEXT, false, AT(contact), .standard = "",
     .comment = "E-mail address or URL that log operators can write to; part of every request that pinwatch sends.\n"
                "Needed as soon as public logs are followed."},
    {"follows_public_logs", SETTING_SWITCH, false, AT(follows_public_logs), .standard = "false",
     .comment = "Follow every log that Chrome's or Apple's list names. Needs `contact`."},
    {"chrome_list_url", SETTING_URL, false, AT(chrome_list_url),
     .standard = "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json",
     .comment = "Chrome's list of logs and its signature, and Apple's list. Empty: that list is not used."},
    {"chrome_list_signature_url", SETTING_URL, false, AT(chrome_list_signature_url),
     .standard = "https://www.gstatic.com/ct/log_list/v3/all_logs_list.sig", .comment = ""},
    {"apple_list_url", SETTING_URL, false, AT(apple_list_url),
     .standard = "https://valid.apple.com/ct/log_list/current_log_list.json", .comment = ""},
    {"ca_file", SETTING_PATH, false, AT(ca_file), .standard = "",
     .comment = "PEM file with further certificate authorities to trust for HTTPS. Empty: the system's alone."},
    {"secrets_folder", SETTING_PATH, false, AT(secrets_folder), .standard = "",
     .comment = "Files with the secrets that channels name. Empty: `secrets` in the state folder."},
    {"hooks_folder", SETTING_PATH, false, AT(hooks_folder), .standard = "",
     .comment = "Programs that hook channels run. Empty: `hooks.d` in the state folder."},
    {"postgres_folder", SETTING_PATH, false, AT(postgres_folder), .standard = "",
     .comment = "Folder with `initdb` and `postgres` for the private database. Empty: found."},
    {"readers", SETTING_NUMBER, false, AT(readers), .most = 64, .standard = "0",
     .comment = "Sandboxed processes that read certificates. 0: one per processor."},
    {"retention_days", SETTING_NUMBER, false, AT(retention_days), .most = 36500, .standard = "0",
     .comment = "Days after which the record of where a certificate was seen is dropped. 0: never."},
    {"poll_seconds_rfc6962", SETTING_NUMBER, false, AT(poll_seconds_rfc6962), .least = 1, .most = 3600, .standard = "10",
     .comment = "Seconds between two looks at a log's tree head, for RFC 6962 logs and for static-ct logs."},
    {"poll_seconds_static", SETTING_NUMBER, false, AT(poll_seconds_static), .least = 1, .most = 3600, .standard = "2",
     .comment = ""},
    {"follows_caa", SETTING_SWITCH, false, AT(follows_caa), .standard = "true",
     .comment = "Poll the CAA records of what is watched, and of every matching certificate, and keep what they were."},
    {"caa_poll_seconds_least", SETTING_NUMBER, false, AT(caa_poll_seconds_least), .least = 1, .most = 86400, .standard = "300",
     .comment = "A name's CAA records are asked for again when their TTL is over, but not sooner and not later than these."},
    {"caa_poll_seconds_most", SETTING_NUMBER, false, AT(caa_poll_seconds_most), .least = 1, .most = 86400, .standard = "3600",
     .comment = ""},
    {"caa_queries_per_second", SETTING_NUMBER, false, AT(caa_queries_per_second), .most = 100000, .standard = "200",
     .comment = "Most questions per second to one resolver. 0: as many as it answers."},
    {"caa_names_most", SETTING_NUMBER, false, AT(caa_names_most), .least = 10, .most = 50000000, .standard = "2000000",
     .comment = "Most names whose CAA records are polled, each of which takes about a kilobyte of memory. What is left out is told."},
    {"caa_retention_days", SETTING_NUMBER, false, AT(caa_retention_days), .most = 36500, .standard = "400",
     .comment = "Days after which CAA records that were in force are forgotten; certificates live up to 398. 0: never."},
    {"transfers_per_operator", SETTING_NUMBER, false, AT(transfers_per_operator), .least = 1, .most = 64, .standard = "8",
     .comment = "Most requests under way at once to all logs of one operator."},
    {"requests_per_second_operator", SETTING_NUMBER, false, AT(requests_per_second_operator), .most = 10000, .standard = "0",
     .comment = "Most requests per second to one operator. 0: as fast as its logs have shown to like."},
    {"slot_megabytes", SETTING_NUMBER, false, AT(slot_megabytes), .least = 1, .most = 256, .standard = "16",
     .comment = "Largest answer of a log, in megabytes as received; larger ones are refused."},
    {"has_drill", SETTING_SWITCH, false, AT(has_drill), .standard = "true",
     .comment = "Run the two local drill logs that `pinwatch drill` uses; they listen on the loopback address alone."},
    {"drill_port", SETTING_NUMBER, false, AT(drill_port), .most = 65535, .standard = "0",
     .comment = "TCP port of the drill logs. 0: any free one, kept in the state folder."},
    {"caa_trust_after", SETTING_WORD, false, AT(caa_trust_after), .words = "delivery acknowledgement", .standard = "delivery",
     .comment = "When an issuer that only a change of CAA records allows may count as expected (`caa_records: true` in a policy): once the\n"
                "alert about the change was delivered, or once somebody decided about its finding."},
    {"reports_address", SETTING_ADDRESS, false, AT(reports_address), .standard = "",
     .comment = "Address on which clients' reports of failed pins are taken, at /reports: the one that a proxy with TLS in front reaches. Empty: nowhere."},
    {"reports_port", SETTING_NUMBER, false, AT(reports_port), .least = 1, .most = 65535, .standard = "8460", .comment = ""},
    {"reports_proxy", SETTING_ADDRESS, false, AT(reports_proxy), .standard = "",
     .comment = "Address of that proxy: what it adds to X-Forwarded-For is taken for the client's address. Empty: there is none."},
    {"reports_per_minute_source", SETTING_NUMBER, false, AT(reports_per_minute_source), .least = 1, .most = 100000, .standard = "30",
     .comment = "Most reports from one source (an IPv4 address, an IPv6 network of 64 bits) in a minute, and from all in a second."},
    {"reports_per_second", SETTING_NUMBER, false, AT(reports_per_second), .least = 1, .most = 100000, .standard = "100", .comment = ""},
    {"reports_new_per_day", SETTING_NUMBER, false, AT(reports_new_per_day), .least = 1, .most = 1000000, .standard = "1000",
     .comment = "Most different reports that are kept a day, each up to 40 kilobytes; one source may bring a tenth of them. Equal ones are only counted."},
    {"reports_retention_days", SETTING_NUMBER, false, AT(reports_retention_days), .most = 36500, .standard = "90",
     .comment = "Days after which a report that did not come again is forgotten. 0: never."},
    {"log_level", SETTING_WORD, false, AT(log_level), .words = "error warning notice info debug", .standard = "info",
     .comment = "The least urgent messages that the service writes to standard error."},
};

static const struct setting log_settings[] = {
    {"description", SETTING_TEXT, false, AT_LOG(description), .standard = "", .comment = "A name for people."},
    {"url", SETTING_URL, true, AT_LOG(url), .standard = "",
     .comment = "Base address of an RFC 6962 log, or submission prefix of a static-ct log."},
    {"monitoring_url", SETTING_URL, false, AT_LOG(monitoring_url), .standard = "",
     .comment = "Monitoring prefix; makes it a static-ct log."},
    {"origin", SETTING_TEXT, false, AT_LOG(origin), .standard = "",
     .comment = "First line of its checkpoints. Empty: the submission prefix without scheme and last slash."},
    {"key", SETTING_TEXT, true, AT_LOG(key), .standard = "",
     .comment = "Public key: SubjectPublicKeyInfo in base64, or the path of a PEM or DER file."},
    {"log_id", SETTING_TEXT, false, AT_LOG(log_id), .standard = "",
     .comment = "What the SHA-256 of the key must be, in base64; refused when it differs."},
    {"operator_name", SETTING_TEXT, false, AT_LOG(operator_name), .standard = "",
     .comment = "Logs of one operator share its budget of requests."},
    {"mmd_seconds", SETTING_NUMBER, false, AT_LOG(mmd_seconds), .most = 604800, .standard = "0",
     .comment = "Maximum merge delay. 0: none known."},
    {"starts_at_zero", SETTING_SWITCH, false, AT_LOG(starts_at_zero), .standard = "false",
     .comment = "Read the whole log instead of starting at today's head."},
};

static const struct setting resolver_settings[] = {
    {"address", SETTING_ADDRESS, true, AT_RESOLVER(address), .standard = "", .comment = "IPv4 or IPv6."},
    {"port", SETTING_NUMBER, false, AT_RESOLVER(port), .least = 1, .most = 65535, .standard = "53", .comment = "UDP and TCP port."},
    {"is_validating", SETTING_SWITCH, false, AT_RESOLVER(is_validating), .standard = "false",
     .comment = "It checks DNSSEC, and the way to it is safe, so that its AD bit is believed."},
};

const struct setting_table settings_table = {"", file_settings, COUNT(file_settings), sizeof(struct settings), ""};
const struct setting_table settings_log_table = {
    "logs", log_settings, COUNT(log_settings), sizeof(struct settings_log),
    "Logs of your own, followed beside the public ones."};
const struct setting_table settings_resolver_table = {
    "resolvers", resolver_settings, COUNT(resolver_settings), sizeof(struct settings_resolver),
    "DNS resolvers to ask. None: those of the system."};

_Static_assert(COUNT(file_settings) < SETTINGS_PER_TABLE_MAX, "room for every setting");

void setting_wanted(const struct setting *setting, struct reason *ret_words) {
    static const char *const phrases[] = {
        [SETTING_TEXT] = "a text", [SETTING_PATH] = "an absolute path", [SETTING_URL] = "an address with https:// or http://",
        [SETTING_ADDRESS] = "an IPv4 or IPv6 address", [SETTING_SWITCH] = "true or false",
    };
    if (setting->type == SETTING_NUMBER)
        (void) reason_set(ret_words, OK, "a number from %u to %u", setting->least, setting->most);
    else if (setting->type == SETTING_WORD)
        (void) reason_set(ret_words, OK, "one of: %s", setting->words);
    else
        (void) reason_set(ret_words, OK, "%s%s", phrases[setting->type], 
                          setting->is_required || setting->type == SETTING_SWITCH ? "" : ", or nothing");
}

static bool is_word_of(const char *words, const char *value) {
    size_t size = strlen(value);
    for (const char *word = words; *word != '\0'; word += strspn(word, " ")) {
        size_t word_size = strcspn(word, " ");
        if (word_size == size && memcmp(word, value, size) == 0)
            return true;
        word += word_size;
    }
    return false;
}

static bool is_url(const char *value) {
    const char *rest = strncmp(value, "https://", 8) == 0 ? value + 8 : strncmp(value, "http://", 7) == 0 ? value + 7 : "";
    return rest[0] != '\0' && rest[0] != '/' && strpbrk(value, " \t<>\"") == NULL && text_is_printable(span_of_text(value));
}

static bool is_address(const char *value) {
    struct in6_addr ignored;
    return inet_pton(AF_INET, value, &ignored) == 1 || inet_pton(AF_INET6, value, &ignored) == 1;
}

static bool text_is_good(const struct setting *setting, const char *value) {
    if (value[0] == '\0')
        return !setting->is_required && setting->type != SETTING_WORD;
    switch (setting->type) {
    case SETTING_PATH:
        return value[0] == '/' && strpbrk(value, "\r\n") == NULL;
    case SETTING_URL:
        return is_url(value);
    case SETTING_ADDRESS:
        return is_address(value);
    case SETTING_WORD:
        return is_word_of(setting->words, value);
    default:
        return strpbrk(value, "\r\n") == NULL; /* a header or a log line could be made from it */
    }
}

static bool store_number(const struct setting *setting, const char *value, unsigned *ret_number) {
    uint64_t number;
    if (text_to_number(span_of_text(value), setting->most, &number) != OK || number < setting->least)
        return false;
    *ret_number = (unsigned) number;
    return true;
}

static bool store_switch(const char *value, bool *ret_switch) {
    bool is_true = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;
    if (!is_true && strcmp(value, "false") != 0 && strcmp(value, "no") != 0)
        return false;
    *ret_switch = is_true;
    return true;
}

result setting_store(const struct setting *setting, const char *value, void *target, struct reason *ret_wanted) {
    void *place = (char *) target + setting->offset;
    bool is_good;
    if (setting->type == SETTING_NUMBER)
        is_good = store_number(setting, value, place);
    else if (setting->type == SETTING_SWITCH)
        is_good = store_switch(value, place);
    else if ((is_good = text_is_good(setting, value)))
        memcpy(place, &value, sizeof value);
    if (is_good)
        return OK;
    setting_wanted(setting, ret_wanted);
    return &fault_settings_value;
}

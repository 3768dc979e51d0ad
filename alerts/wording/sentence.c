#include "wording/sentence.h"

#include <string.h>

#include "base/text.h"

#define FACT_LIST 5    /* elements of one list */
#define FACT_LIMIT 200 /* bytes of one fact inside a sentence, before escapes */

struct placeholder {
    const char *name;
    bool (*add)(struct buffer *text, const struct alert *alert); /* NULL: the text field `field` */
    const char *field;
    const char *general; /* said when the fact is missing; NULL: the sentence is left out */
};

/* Cuts at the start of a UTF-8 sequence, so that no half character is left. */
static void add_cut(struct buffer *text, const char *fact) {
    size_t size = strlen(fact);
    size_t cut = size;
    if (size > FACT_LIMIT) {
        cut = FACT_LIMIT;
        while (cut > 0 && ((uint8_t) fact[cut] & 0xc0) == 0x80)
            cut--;
    }
    text_add_harmless(text, span_of(fact, cut));
    if (cut < size)
        buffer_add_text(text, "…");
}

static bool add_matched(struct buffer *text, const struct alert *alert) {
    const json_t *list = alert_list(alert, "matched_names");
    if (json_array_size(list) == 0)
        list = alert_list(alert, "names");
    const char *first = alert_list_text(list, 0);
    if (first[0] == '\0')
        first = alert_first(alert, "watches");
    if (first[0] == '\0')
        return false;
    add_cut(text, first);
    if (json_array_size(list) == 2)
        buffer_add_text(text, " and 1 more name");
    else if (json_array_size(list) > 2)
        buffer_printf(text, " and %zu more names", json_array_size(list) - 1);
    return true;
}

static bool add_watch(struct buffer *text, const struct alert *alert) {
    add_cut(text, alert_first(alert, "watches"));
    return alert_first(alert, "watches")[0] != '\0';
}

/* Where the owner of the key is not known, the name is quoted as the claim that it is. */
static bool add_issuer(struct buffer *text, const struct alert *alert) {
    const char *owner = alert_text(alert, "issuer_owner");
    if (owner[0] != '\0') {
        add_cut(text, owner);
        return true;
    }
    const char *name = alert_text(alert, "issuer");
    if (name[0] == '\0')
        return false;
    buffer_add_text(text, "An issuer that calls itself “");
    add_cut(text, name);
    buffer_add_text(text, "”");
    return true;
}

static bool add_log(struct buffer *text, const struct alert *alert) {
    static const char *const fields[] = {"description", "url", "log_id"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *fact = alert_text(alert, fields[i]);
        if (fact[0] != '\0') {
            buffer_add_text(text, "“");
            add_cut(text, fact);
            buffer_add_text(text, "”");
            return true;
        }
    }
    return false;
}

static bool add_finding(struct buffer *text, const struct alert *alert) {
    return alert->finding_id > 0 && buffer_printf(text, "%lld", (long long) alert->finding_id);
}

static bool add_rule(struct buffer *text, const struct alert *alert) {
    add_cut(text, alert->rule);
    return alert->rule[0] != '\0';
}

static bool add_reason(struct buffer *text, const struct alert *alert) {
    const char *fact = alert_text(alert, "reason_text");
    if (fact[0] == '\0')
        fact = alert_text(alert, "reason");
    add_cut(text, fact);
    return fact[0] != '\0';
}

static bool add_because(struct buffer *text, const struct alert *alert) {
    add_cut(text, alert_first(alert, "reasons"));
    return alert_first(alert, "reasons")[0] != '\0';
}

/* Who may issue since, plain or wildcard names. */
static bool add_gained(struct buffer *text, const struct alert *alert) {
    const json_t *list = alert_list(alert, "gained") != NULL ? alert_list(alert, "gained") : alert_list(alert, "wildcard_gained");
    for (size_t i = 0; i < json_array_size(list) && i < FACT_LIST; i++) {
        buffer_add_text(text, i == 0 ? "" : ", ");
        add_cut(text, alert_list_text(list, i));
    }
    if (json_array_size(list) > FACT_LIST)
        buffer_printf(text, " and %zu more", json_array_size(list) - FACT_LIST);
    return list != NULL;
}

static bool add_unresolved(struct buffer *text, const struct alert *alert) {
    const char *owner = alert_text(alert, "owner"), *resolver = alert_text(alert, "resolver");
    if (owner[0] == '\0' && resolver[0] != '\0')
        buffer_add_text(text, "nearly every name, asked through ");
    add_cut(text, owner[0] != '\0' ? owner : resolver);
    return owner[0] != '\0' || resolver[0] != '\0';
}

static bool add_changes(struct buffer *text, const struct alert *alert) {
    const json_t *count = json_object_get(alert->body, "changes_count");
    return json_is_integer(count) && buffer_printf(text, "%lld", (long long) json_integer_value(count));
}

static bool add_releases(struct buffer *text, const struct alert *alert) {
    const json_t *pins = json_object_get(alert->body, "pins"), *first = json_array_get(pins, 0);
    const char *app = json_string_value(json_object_get(first, "app")), *platform = json_string_value(json_object_get(first, "platform")),
               *version = json_string_value(json_object_get(first, "version"));
    json_int_t count = json_integer_value(json_object_get(alert->body, "releases_count"));
    if (app == NULL || platform == NULL || version == NULL)
        return false;
    buffer_add_text(text, "clients of ");
    add_cut(text, app);
    buffer_add_text(text, " ");
    add_cut(text, platform);
    buffer_add_text(text, " ");
    add_cut(text, version);
    if (count > 1)
        buffer_printf(text, " and %lld more release%s", (long long) count - 1, count == 2 ? "" : "s");
    return true;
}

/* Pins that are only reported lock nobody out. */
static bool is_only_reported(const struct alert *alert) {
    return json_is_false(json_object_get(alert->body, "is_enforced"));
}

static bool add_refused(struct buffer *text, const struct alert *alert) {
    return buffer_add_text(text, is_only_reported(alert) ? "reported, not refused," : "refused");
}

static bool add_connect(struct buffer *text, const struct alert *alert) {
    return buffer_add_text(text, is_only_reported(alert) ? "connect all the same, and report it" : "do not connect");
}

static bool add_cost(struct buffer *text, const struct alert *alert) {
    return buffer_add_text(text, is_only_reported(alert) ? "" : ": every user of these releases is locked out meanwhile");
}

static bool add_disputed(struct buffer *text, const struct alert *alert) {
    json_int_t count = json_integer_value(json_object_get(alert->body, "owners_count"));
    const char *owner = alert_text(alert, "owner");
    if (count > 1 && owner[0] != '\0')
        buffer_printf(text, "%lld names in ", (long long) count);
    add_cut(text, owner);
    return owner[0] != '\0';
}

static const struct placeholder placeholders[] = {
    {.name = "rule", .add = add_rule, .general = "without a name"},
    {.name = "finding", .add = add_finding},
    {.name = "matched", .add = add_matched, .general = "a name that you watch"},
    {.name = "watch", .add = add_watch, .general = "this name"},
    {.name = "issuer", .add = add_issuer, .general = "An issuer that could not be determined"},
    {.name = "issuer_name", .field = "issuer", .general = "nothing readable"},
    {.name = "issuer_key", .field = "issuer_spki_sha256"},
    {.name = "serial", .field = "serial"},
    {.name = "report", .field = "ca_problem_report",
     .general = "the address for problem reports in its practice statement (https://www.ccadb.org/cas/)"},
    {.name = "cert", .field = "cert_sha256"},
    {.name = "log", .add = add_log, .general = "without a name"},
    {.name = "operator", .field = "operator", .general = "of the log"},
    {.name = "reason", .add = add_reason, .general = "for a reason that was not recorded"},
    {.name = "because", .add = add_because, .general = "see the evidence"},
    {.name = "list", .field = "list", .general = "a browser"},
    {.name = "channel", .field = "channel"},
    {.name = "owner", .field = "owner", .general = "a name that you watch, or above it"},
    {.name = "unresolved", .add = add_unresolved, .general = "a name that you watch"},
    {.name = "changes", .add = add_changes, .general = "many"},
    {.name = "disputed", .add = add_disputed, .general = "names that you watch"},
    {.name = "releases", .add = add_releases, .general = "clients of released apps"},
    {.name = "refused", .add = add_refused},
    {.name = "connect", .add = add_connect},
    {.name = "cost", .add = add_cost},
    {.name = "gained", .add = add_gained, .general = "nobody"},
};

static bool add_placeholder(struct buffer *text, struct span name, const struct alert *alert) {
    for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++) {
        const struct placeholder *found = &placeholders[i];
        if (!span_equal(span_of_text(found->name), name))
            continue;
        if (found->add != NULL && found->add(text, alert))
            return true;
        if (found->add == NULL && alert_text(alert, found->field)[0] != '\0') {
            add_cut(text, alert_text(alert, found->field));
            return true;
        }
        return found->general != NULL && buffer_add_text(text, found->general);
    }
    return false;
}

bool sentence_add(struct buffer *text, const char *pattern, const struct alert *alert) {
    size_t before = text->size;
    for (const char *at = pattern; *at != '\0';) {
        const char *open = strchr(at, '{');
        const char *close = open == NULL ? NULL : strchr(open, '}');
        if (close == NULL)
            return buffer_add_text(text, at);
        buffer_add(text, span_of(at, (size_t) (open - at)));
        if (!add_placeholder(text, span_of(open + 1, (size_t) (close - open - 1)), alert)) {
            if (text->bytes != NULL)
                text->bytes[before] = '\0';
            text->size = before;
            return false;
        }
        at = close + 1;
    }
    return !text->failed;
}

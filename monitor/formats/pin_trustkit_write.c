#include <stdlib.h>

#include "base/text.h"
#include "formats/pin_file.h"
#include "formats/pin_plist.h"
#include "formats/pin_write.h"

static void write_boolean(struct buffer *out, const char *key, bool is_true) {
    pin_plist_key(out, 4, key);
    pin_plist_line(out, 4, is_true ? "<true/>" : "<false/>");
}

static void write_uris(struct buffer *out, const char *const *uris) {
    if (uris[0] == NULL)
        return;
    pin_plist_key(out, 4, "TSKReportUris");
    pin_plist_line(out, 4, "<array>");
    for (; *uris != NULL; uris++)
        pin_plist_string(out, 5, *uris);
    pin_plist_line(out, 4, "</array>");
}

static result write_policy(const struct pin_export *entry, struct pin_builder *lost, struct buffer *out) {
    const struct pin_set *set = entry->set;
    const struct pin **pins;
    size_t count;
    char text[HASH_BASE64_SIZE], date[11];
    TRY(pin_write_pins(entry, lost->arena, &pins, &count));
    write_boolean(out, "TSKIncludeSubdomains", entry->match != PIN_HOST_EXACT);
    write_boolean(out, "TSKEnforcePinning", !set->is_report_only);
    write_boolean(out, "TSKDisableDefaultReportUri", !set->uses_default_reports);
    if (set->has_expiry) {
        TRY(pin_write_date(set, false, lost, date));
        pin_plist_key(out, 4, "TSKExpirationDate");
        pin_plist_string(out, 4, date);
    }
    write_uris(out, set->report_uris);
    pin_plist_key(out, 4, "TSKPublicKeyHashes");
    pin_plist_line(out, 4, "<array>");
    for (size_t i = 0; i < count; i++) {
        pin_plist_comment(out, 5, pins[i]->comment);
        text_of_base64(pins[i]->value, text);
        pin_plist_string(out, 5, text);
    }
    pin_plist_line(out, 4, "</array>");
    return OK;
}

/* With one pin TrustKit does not start, unless it only reports. */
static result tell_lonely(const struct pin_export *entry, struct pin_builder *lost) {
    const struct pin **pins;
    size_t count;
    bool is_lonely = true;
    if (entry->is_left_out || !entry->set->is_pinned || entry->set->is_report_only)
        return OK;
    TRY(pin_write_pins(entry, lost->arena, &pins, &count));
    for (size_t i = 1; i < count; i++)
        is_lonely = is_lonely && pin_is_same(pins[0], pins[i]);
    if (!is_lonely)
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_WARNING, entry->set->line, "export-one-pin",
                              "%s: it has one pin, with which TrustKit refuses to start", entry->set->host);
}

/* On Android the platform enforces what TrustKit was told to report. */
static result tell_mode(const struct pin_set *set, struct pin_builder *lost) {
    if (!set->is_pinned || !set->is_enforced || !set->is_report_only)
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_WARNING, set->line, "export-enforced",
                              "%s: is enforced where it comes from, here a mismatch is only reported, as its file asks", set->host);
}

static result write_entry(const struct pin_export *entry, struct pin_builder *lost, struct buffer *out) {
    pin_plist_key(out, 3, entry->set->host);
    pin_plist_line(out, 3, "<dict>");
    TRY(tell_mode(entry->set, lost));
    if (entry->set->is_pinned)
        TRY(write_policy(entry, lost, out));
    else
        write_boolean(out, "kSKExcludeSubdomainFromParentPolicy", true);
    pin_plist_line(out, 3, "</dict>");
    return OK;
}

static int compare_hosts(const void *a, const void *b) {
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The hosts whose subdomains are pinned, sorted. NULL without memory. */
static const char **find_parents(const struct pin_document *document, const struct pin_export *plan, struct arena *arena, size_t *ret_count) {
    const char **hosts = arena_take_array(arena, document->set_count + 1, sizeof *hosts);
    *ret_count = 0;
    for (size_t i = 0; hosts != NULL && i < document->set_count; i++)
        if (!plan[i].is_left_out && plan[i].set->is_pinned && plan[i].match == PIN_HOST_EXACT_AND_BELOW)
            hosts[(*ret_count)++] = plan[i].set->host;
    if (hosts != NULL)
        qsort(hosts, *ret_count, sizeof *hosts, compare_hosts);
    return hosts;
}

/* An entry without pins that stands below none with pins: TrustKit would refuse it, and it says nothing. */
static bool is_needless(const struct pin_export *entry, const char **parents, size_t count) {
    bool has_parent = false;
    for (const char *dot = strchr(entry->set->host, '.'); dot != NULL && !has_parent; dot = strchr(dot + 1, '.')) {
        const char *host = dot + 1;
        has_parent = bsearch(&host, parents, count, sizeof *parents, compare_hosts) != NULL;
    }
    return !entry->set->is_pinned && !has_parent;
}

result pin_trustkit_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    static const struct pin_abilities abilities = {
        .name = "a TrustKit configuration", .names_hosts = true, .has_unpinning = true, .has_expiry = true, .has_comments = true, .has_reports = true,
        .has_report_only = true, .has_unenforced = true, .kinds = PIN_BIT(PIN_SPKI), .algorithms = PIN_BIT(PIN_SHA256),
        .positions = PIN_BIT(PIN_ANY), .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_EXACT_AND_BELOW),
    };
    struct pin_export *plan;
    size_t parent_count;
    TRY(pin_export_plan(document, &abilities, lost, &plan));
    const char **parents = find_parents(document, plan, lost->arena, &parent_count);
    if (parents == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < document->set_count && document->format != PIN_FORMAT_TRUSTKIT_IOS; i++)
        TRY(tell_lonely(&plan[i], lost));
    pin_plist_begin(out);
    pin_plist_line(out, 0, "<dict>");
    pin_plist_key(out, 1, "TSKConfiguration");
    pin_plist_line(out, 1, "<dict>");
    pin_plist_key(out, 2, "TSKPinnedDomains");
    pin_plist_line(out, 2, "<dict>");
    for (size_t i = 0; i < document->set_count; i++)
        if (!plan[i].is_left_out && !is_needless(&plan[i], parents, parent_count))
            TRY(write_entry(&plan[i], lost, out));
    pin_plist_line(out, 2, "</dict>");
    pin_plist_line(out, 1, "</dict>");
    pin_plist_line(out, 0, "</dict>");
    pin_plist_end(out);
    return buffer_check(out);
}

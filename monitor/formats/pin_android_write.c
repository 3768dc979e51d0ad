/* A network security config: one domain-config for each host, because Android knows a host only once. */
#include "base/text.h"
#include "formats/pin_file.h"
#include "formats/pin_write.h"
#include "formats/xml_tree.h"

struct writing {
    bool is_trustkit;
    struct pin_builder *lost;
    struct buffer *out;
};

static result write_pins(struct writing *writing, const struct pin_export *entry) {
    const struct pin **pins;
    size_t count;
    char text[HASH_BASE64_SIZE], date[11];
    TRY(pin_write_pins(entry, writing->lost->arena, &pins, &count));
    buffer_add_text(writing->out, "        <pin-set");
    if (entry->set->has_expiry) {
        TRY(pin_write_date(entry->set, true, writing->lost, date));
        buffer_printf(writing->out, " expiration=\"%s\"", date);
    }
    buffer_add_text(writing->out, ">\n");
    for (size_t i = 0; i < count; i++) {
        if (pins[i]->comment[0] != '\0') {
            buffer_add_text(writing->out, "            <!-- ");
            xml_add_comment_text(writing->out, pins[i]->comment);
            buffer_add_text(writing->out, " -->\n");
        }
        text_of_base64(pins[i]->value, text);
        buffer_printf(writing->out, "            <pin digest=\"SHA-256\">%s</pin>\n", text);
    }
    buffer_add_text(writing->out, "        </pin-set>\n");
    return OK;
}

static result write_anchors(struct writing *writing, const struct pin_set *set) {
    if (set->overrides_pins)
        buffer_add_text(writing->out, "        <trust-anchors>\n            <certificates src=\"system\" overridePins=\"true\"/>\n"
                                      "        </trust-anchors>\n");
    if (set->trusts_system)
        return OK;
    buffer_add_text(writing->out, "        <trust-anchors/>\n");
    return pin_builder_remark(writing->lost, PIN_REMARK_NOTE, set->line, "export-anchors",
                              "%s: trusts anchors of the app's own, which are not known here: put them into its trust-anchors", set->host);
}

static void write_trustkit(const struct writing *writing, const struct pin_set *set) {
    buffer_printf(writing->out, "        <trustkit-config enforcePinning=\"%s\" disableDefaultReportUri=\"%s\"", set->is_report_only ? "false" : "true",
                  set->uses_default_reports ? "false" : "true");
    buffer_add_text(writing->out, set->report_uris[0] == NULL ? "/>\n" : ">\n");
    for (const char *const *uri = set->report_uris; *uri != NULL; uri++) {
        buffer_add_text(writing->out, "            <report-uri>");
        xml_add_escaped(writing->out, *uri);
        buffer_add_text(writing->out, "</report-uri>\n");
    }
    if (set->report_uris[0] != NULL)
        buffer_add_text(writing->out, "        </trustkit-config>\n");
}

static result write_entry(struct writing *writing, const struct pin_export *entry) {
    buffer_printf(writing->out, "    <domain-config>\n        <domain includeSubdomains=\"%s\">%s</domain>\n",
                  entry->match == PIN_HOST_EXACT ? "false" : "true", entry->set->host);
    if (entry->set->is_pinned)
        TRY(write_pins(writing, entry));
    TRY(write_anchors(writing, entry->set));
    if (writing->is_trustkit)
        write_trustkit(writing, entry->set);
    buffer_add_text(writing->out, "    </domain-config>\n");
    return OK;
}

static result write_document(struct writing *writing, const struct pin_document *document, const struct pin_abilities *abilities) {
    struct pin_export *plan;
    TRY(pin_export_plan(document, abilities, writing->lost, &plan));
    buffer_add_text(writing->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<network-security-config>\n");
    for (size_t i = 0; i < document->set_count; i++)
        if (!plan[i].is_left_out)
            TRY(write_entry(writing, &plan[i]));
    buffer_add_text(writing->out, "</network-security-config>\n");
    return buffer_check(writing->out);
}

static struct pin_abilities abilities_of(bool is_trustkit) {
    return (struct pin_abilities){
        .names_hosts = true, .has_unpinning = true, .has_expiry = true, .has_anchors = true, .has_comments = true, .has_report_only = is_trustkit,
        .has_reports = is_trustkit, .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_EXACT_AND_BELOW), .kinds = PIN_BIT(PIN_SPKI),
        .algorithms = PIN_BIT(PIN_SHA256), .positions = PIN_BIT(PIN_ANY),
    };
}

result pin_android_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    struct writing writing = {.lost = lost, .out = out};
    struct pin_abilities abilities = abilities_of(false);
    abilities.name = "a network security config";
    return write_document(&writing, document, &abilities);
}

result pin_trustkit_android_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    struct writing writing = {.is_trustkit = true, .lost = lost, .out = out};
    struct pin_abilities abilities = abilities_of(true);
    abilities.name = "a network security config with TrustKit";
    return write_document(&writing, document, &abilities);
}

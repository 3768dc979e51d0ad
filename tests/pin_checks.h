/* What holds for every document that a reader of pins yields, for tests and fuzzers alike. `require(condition)` is the includer's. */
#pragma once

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/pin_export.h"
#include "formats/pin_file.h"

__attribute__((unused)) static void pin_check_text(const char *text) {
    require(text != NULL && utf8_is_valid(span_of_text(text)));
    for (const char *at = text; *at != '\0'; at++)
        require((unsigned char) *at >= ' ' && *at != 0x7f);
}

__attribute__((unused)) static void pin_check_pin(const struct pin *pin) {
    size_t size = pin_algorithm_size(pin->algorithm);
    require(pin->value.size > 0 && pin->value.size <= PIN_VALUE_SIZE_MAX && (size == 0 || pin->value.size == size));
    require(pin->tlsa_usage <= PIN_TLSA_DANE_EE && pin_position_name(pin->position) != NULL && pin_role_name(pin->role) != NULL);
    pin_check_text(pin->comment);
}

__attribute__((unused)) static void pin_check_set(const struct pin_document *document, const struct pin_set *set) {
    struct buffer json = buffer_with_limit(16 * PIN_FILE_SIZE_MAX);
    size_t count = 0;
    require(set->report_uris != NULL && set->protocol != NULL && set->format < pin_format_count && set->group_count <= 2);
    pin_check_text(set->name);
    if (set->host != NULL)
        require(strspn(set->host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(set->host) && set->host[0] != '\0' && set->host[0] != '.' &&
                strstr(set->host, "..") == NULL && strlen(set->host) <= 253 && set->host[strlen(set->host) - 1] != '.');
    for (size_t i = 0; set->report_uris[i] != NULL; i++)
        pin_check_text(set->report_uris[i]);
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++, count++)
            pin_check_pin(&set->groups[i].pins[k]);
    require(count <= PINS_OF_SET_MAX);
    require(pin_set_to_json(document, set, &json) == OK && memchr(json.bytes, '\n', json.size) == NULL);
    buffer_done(&json);
}

__attribute__((unused)) static void pin_check_document(const struct pin_document *document) {
    require(document->set_count <= PIN_SETS_MAX && document->remark_count <= PIN_REMARKS_MAX + 1);
    for (size_t i = 0; i < document->set_count; i++)
        pin_check_set(document, &document->sets[i]);
    for (size_t i = 0; i < document->remark_count; i++) {
        require(document->remarks[i].text[0] != '\0' && document->remarks[i].rule[0] != '\0');
        pin_check_text(document->remarks[i].text);
    }
}

__attribute__((unused)) static bool pin_same_pins(const struct pin_set *one, const struct pin_set *other) {
    if (one->group_count != other->group_count)
        return false;
    for (size_t i = 0; i < one->group_count; i++) {
        if (one->groups[i].count != other->groups[i].count)
            return false;
        for (size_t k = 0; k < one->groups[i].count; k++)
            if (!pin_is_same(&one->groups[i].pins[k], &other->groups[i].pins[k]) ||
                one->groups[i].pins[k].role != other->groups[i].pins[k].role || one->groups[i].pins[k].tlsa_usage != other->groups[i].pins[k].tlsa_usage)
                return false;
    }
    return true;
}

__attribute__((unused)) static bool pin_same_flags(const struct pin_set *one, const struct pin_set *other) {
    return one->is_pinned == other->is_pinned && one->is_enforced == other->is_enforced && one->is_report_only == other->is_report_only &&
           one->overrides_pins == other->overrides_pins && one->trusts_system == other->trusts_system && one->is_secure == other->is_secure &&
           one->uses_default_reports == other->uses_default_reports;
}

__attribute__((unused)) static bool pin_same_time(const struct pin_set *one, const struct pin_set *other) {
    return one->has_expiry == other->has_expiry && one->is_expiry_local == other->is_expiry_local && one->expires == other->expires &&
           one->has_max_age == other->has_max_age && one->max_age_s == other->max_age_s;
}

__attribute__((unused)) static bool pin_same_place(const struct pin_set *one, const struct pin_set *other) {
    bool is_same = (one->host == NULL) == (other->host == NULL) && (one->host == NULL || strcmp(one->host, other->host) == 0);
    return is_same && one->match == other->match && one->port == other->port && strcmp(one->protocol, other->protocol) == 0;
}

__attribute__((unused)) static bool pin_same_reports(const struct pin_set *one, const struct pin_set *other) {
    size_t i = 0;
    while (one->report_uris[i] != NULL && other->report_uris[i] != NULL && strcmp(one->report_uris[i], other->report_uris[i]) == 0)
        i++;
    return one->report_uris[i] == NULL && other->report_uris[i] == NULL;
}

__attribute__((unused)) static bool pin_same_set(const struct pin_set *one, const struct pin_set *other) {
    return one->format == other->format && pin_same_place(one, other) && pin_same_flags(one, other) && pin_same_time(one, other) &&
           pin_same_reports(one, other) && pin_same_pins(one, other);
}

/* Written in its own format, a document is the same when it is read again, and nothing is lost. */
__attribute__((unused)) static void pin_check_again(const struct pin_document *document, const struct pin_format_entry *entry, struct arena *arena) {
    struct buffer written = buffer_with_limit(16 * PIN_FILE_SIZE_MAX);
    struct pin_document again = {.source = "again", .format = entry->format}, lost = {.source = "lost", .format = entry->format};
    struct pin_builder builder = pin_builder_of(arena, &lost);
    struct reason reason = {""};
    require(entry->write(document, &builder, &written) == OK);
    for (size_t i = 0; i < lost.remark_count; i++)
        require(lost.remarks[i].kind == PIN_REMARK_NOTE);
    if (document->set_count > 0) {
        require(entry->read(buffer_span(&written), arena, &again, &reason) == OK);
        require(again.set_count == document->set_count);
        for (size_t i = 0; i < again.set_count; i++)
            require(pin_same_set(&document->sets[i], &again.sets[i]));
        for (size_t i = 0; i < again.remark_count; i++)
            require(again.remarks[i].kind != PIN_REMARK_ERROR);
    }
    buffer_done(&written);
}

/* Every other format is written or says what it loses; what was written can be read. */
__attribute__((unused)) static void pin_check_exports(const struct pin_document *document, struct arena *arena) {
    const struct pin_format_entry *entry;
    for (size_t i = 0; (entry = pin_format_entry_at(i)) != NULL; i++) {
        struct buffer written = buffer_with_limit(16 * PIN_FILE_SIZE_MAX);
        struct pin_document lost = {.source = "lost", .format = entry->format};
        struct pin_builder builder = pin_builder_of(arena, &lost);
        if (entry->write != NULL)
            require(entry->write(document, &builder, &written) == OK);
        pin_check_document(&lost);
        buffer_done(&written);
    }
}

#include "cli/caa_linted.h"

#include <stdio.h>

#include "base/whole_json.h"
#include "cli/caa_print.h"
#include "cli/table.h"

bool caa_linted_has_remarks(const struct caa_linted *linted) {
    if (linted->text != NULL && linted->text->complaint_count > 0)
        return true;
    for (size_t i = 0; i < linted->count; i++)
        for (size_t k = 0; k < linted->sets[i].remark_count; k++)
            if (linted->sets[i].remarks[k].severity >= SEVERITY_WARNING)
                return true;
    return false;
}

/* ---- JSON */

/* A file's name may be anything. */
static json_t *text_or_null(const char *text) {
    json_t *value = text == NULL ? json_null() : json_string(text);
    return value != NULL ? value : json_string("(a name that is no UTF-8)");
}

static json_t *owner_json(const struct caa_linted_set *set) {
    char owner[DNS_NAME_TEXT_SIZE];
    if (!set->has_owner)
        return json_null();
    dns_name_to_text(&set->owner, owner);
    return json_string(owner);
}

static json_t *unmapped_json(const struct caa_usage *seen) {
    json_t *list = json_array();
    for (size_t i = 0; i < seen->issuer_count; i++)
        if (seen->issuers[i].domains == NULL)
            json_array_append_new(list, json_string(seen->issuers[i].name));
    return list;
}

static json_t *set_json(const struct caa_linted *linted, const struct caa_linted_set *set) {
    json_t *object = json_pack("{s:o, s:o, s:o, s:o}", "owner", owner_json(set), "line", linted->file == NULL ? json_null() : json_integer(set->line), "records",
                               caa_records_json(set->records, set->record_count), "lint", caa_remarks_json(set->remarks, set->remark_count));
    json_object_set_new(object, "certificates", set->seen == NULL ? json_null() : json_integer((json_int_t) set->seen->count));
    json_object_set_new(object, "unmapped_issuers", set->seen == NULL ? json_null() : unmapped_json(set->seen));
    return object;
}

static json_t *complaints_json(const struct caa_text *text) {
    json_t *list = json_array();
    for (size_t i = 0; text != NULL && i < text->complaint_count; i++)
        json_array_append_new(list, json_pack("{s:I, s:s}", "line", (json_int_t) text->complaints[i].line, "message", text->complaints[i].sentence));
    return list;
}

json_t *caa_linted_json(const struct caa_linted *linted) {
    uint64_t mark = memory_mark();
    json_t *sets = json_array();
    for (size_t i = 0; i < linted->count; i++)
        json_array_append_new(sets, set_json(linted, &linted->sets[i]));
    json_t *object = json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:I, s:o}", "name", text_or_null(linted->name), "nonexistent", linted->is_nonexistent, "file", text_or_null(linted->file), "failure",
                               text_or_null(linted->failure), "sets", sets, "complaints", complaints_json(linted->text), "complaints_left_out",
                               (json_int_t) (linted->text == NULL ? 0 : linted->text->complaints_left_out), "certificates_not_looked_at",
                               text_or_null(linted->unseen));
    return json_if_whole(object, mark);
}

/* ---- text */

static void print_complaints(const struct caa_text *text) {
    for (size_t i = 0; i < text->complaint_count; i++) {
        printf("line %u: ", text->complaints[i].line);
        print_sentence(text->complaints[i].sentence);
        fputs("\n", stdout);
    }
    if (text->complaints_left_out > 0)
        printf("and %zu more lines like these\n", text->complaints_left_out);
    if (text->other_records > 0)
        printf("%zu record%s of other types not looked at\n", text->other_records, text->other_records == 1 ? "" : "s");
    if (text->complaint_count > 0 || text->other_records > 0)
        fputs("\n", stdout);
}

static void print_seen(const struct caa_usage *seen) {
    printf("Unexpired certificates seen for these names: %zu%s\n", seen->count, seen->is_cut ? " (there are more)" : "");
    for (size_t i = 0; i < seen->issuer_count; i++)
        if (seen->issuers[i].domains == NULL) {
            fputs("  not compared: those of ", stdout);
            print_sentence(seen->issuers[i].name);
            fputs(", whose CAA domain is not known\n", stdout);
        }
}

static void print_set(const struct caa_linted *linted, const struct caa_linted_set *set) {
    char owner[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(&set->owner, owner);
    if (linted->name != NULL)
        fputs("The relevant set is that of ", stdout);
    print_sentence(set->has_owner ? owner : "records that name no owner");
    if (linted->file != NULL)
        printf(" (line %u)", set->line);
    fputs("\n", stdout);
    caa_records_print("  ", set->records, set->record_count);
    if (set->seen != NULL)
        print_seen(set->seen);
    fputs(set->remark_count == 0 ? "No remarks\n\n" : "Remarks\n", stdout);
    caa_remarks_print(set->remarks, set->remark_count);
    fputs(set->remark_count == 0 ? "" : "\n", stdout);
}

void caa_linted_print(const struct caa_linted *linted) {
    print_sentence(linted->name != NULL ? linted->name : linted->file);
    fputs("\n\n", stdout);
    if (linted->failure != NULL) {
        fputs("Not looked at: ", stdout);
        print_sentence(linted->failure);
        fputs("\n", stdout);
        return;
    }
    if (linted->is_nonexistent)
        fputs("There is no such name in the DNS; a CA asks for the records above it all the same.\n\n", stdout);
    if (linted->text != NULL)
        print_complaints(linted->text);
    if (linted->count == 0)
        fputs(linted->file != NULL ? "There are no CAA records in it.\n\n"
                                   : "No name up to the top-level domain has CAA records: every CA may issue. `pinwatch caa suggest` says which would fit.\n\n",
              stdout);
    for (size_t i = 0; i < linted->count; i++)
        print_set(linted, &linted->sets[i]);
    if (linted->unseen != NULL) {
        fputs("Not compared with the certificates that were seen: ", stdout);
        print_sentence(linted->unseen);
        fputs("\n", stdout);
    }
}

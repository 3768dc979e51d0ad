#include "cli/caa_seen.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/certificate_json.h"
#include "cli/table.h"
#include "store/ca_keys.h"
#include "store/caa_shown.h"

#define SHOWN_NAMES_MAX 6
#define SHOWN_CERTIFICATES_MAX 50
#define CAA_SEEN_MAX 200000 /* rows: names of certificates */

result caa_seen_extra(struct database *database, struct ca_extra_rows *ret_extra) {
    struct store_ca_keys keys;
    TRY(store_ca_keys_load(database->store, true, database->arena, &keys));
    return store_ca_keys_use(&keys, database->arena, ret_extra);
}

result caa_seen_load(struct database *database, const struct caa_seen_wish *wish, const struct ca_extra_rows *extra, struct caa_usage *ret_seen) {
    char owner[DNS_NAME_TEXT_SIZE];
    struct caa_seen_row *rows;
    size_t count;
    dns_name_to_text(wish->owner, owner);
    struct store_caa_seen_wish stored = {.owner = owner, .now_ms = clock_wall_ms(), .limit = CAA_SEEN_MAX, .has_unjudged = true};
    TRY(store_caa_seen_load(database->store, &stored, database->arena, &rows, &count));
    TRY(caa_usage_of_rows(rows, count, wish, extra, database->arena, ret_seen));
    ret_seen->is_cut = count == CAA_SEEN_MAX;
    return OK;
}

/* ---- shown */

static void print_one(const char *indent, const struct caa_seen_certificate *certificate) {
    char until[RFC3339_SIZE];
    text_of_time_ms(certificate->not_after_ms, until);
    printf("%s%lld  ", indent, (long long) certificate->certificate_id);
    print_harmless(span_of_text(certificate->issuer->name));
    printf(", until %s: ", until);
    for (size_t i = 0; i < certificate->name_count && i < SHOWN_NAMES_MAX; i++) {
        fputs(i == 0 ? "" : " ", stdout);
        print_harmless(span_of_text(certificate->names[i]));
    }
    if (certificate->name_count > SHOWN_NAMES_MAX)
        printf(" and %zu more", certificate->name_count - SHOWN_NAMES_MAX);
    fputs("\n", stdout);
}

void caa_seen_print(const char *indent, const struct caa_seen_certificate *certificates, size_t count) {
    size_t shown = count < SHOWN_CERTIFICATES_MAX ? count : SHOWN_CERTIFICATES_MAX;
    for (size_t i = 0; i < shown; i++)
        print_one(indent, &certificates[i]);
    if (count > shown)
        printf("%sand %zu more (--json shows all)\n", indent, count - shown);
}

json_t *caa_seen_json(const struct caa_seen_certificate *certificates, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct caa_seen_certificate *certificate = &certificates[i];
        json_t *names = json_array();
        for (size_t k = 0; k < certificate->name_count; k++)
            json_array_append_new(names, json_string(certificate->names[k]));
        json_array_append_new(list, json_pack("{s:I, s:s, s:b, s:o, s:o}", "certificate_id", (json_int_t) certificate->certificate_id, "issuer",
                                              certificate->issuer->name, "issuer_mapped", certificate->issuer->domains != NULL, "not_after",
                                              time_json_ms(certificate->not_after_ms), "names", names));
    }
    return list;
}

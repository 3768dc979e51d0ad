#include "cli/watch_policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/policy_names.h"
#include "formats/policy_rules.h"

#define NAME_MAX_SIZE 63 /* of a policy, docs/watches.md */

FAULT(fault_watch_policy, FAULT_INPUT, "watch.policy", "option --expect", "", "it names no known CAA domain",
      "a domain as CAA records name it, such as letsencrypt.org");

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(const char *const *) left, *(const char *const *) right);
}

/* Lower case, sorted, each once. */
static result take_domains(const struct watch_policy_wish *wish, struct arena *arena, struct policy_rules *rules) {
    const char **domains = arena_take_array(arena, wish->caa_domain_count + 1, sizeof *domains);
    if (domains == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < wish->caa_domain_count; i++) {
        char *copy = arena_copy_text(arena, wish->caa_domains[i]);
        if (copy == NULL)
            return &fault_no_memory;
        for (char *at = copy; *at != '\0'; at++)
            *at = (char) (*at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);
        domains[i] = copy;
    }
    qsort(domains, wish->caa_domain_count, sizeof *domains, compare_texts);
    size_t kept = 0;
    for (size_t i = 0; i < wish->caa_domain_count; i++)
        if (kept == 0 || strcmp(domains[i], domains[kept - 1]) != 0)
            domains[kept++] = domains[i];
    rules->caa_domains = domains;
    rules->caa_domain_count = kept;
    return OK;
}

static result write_name(const struct policy_rules *rules, struct span json, struct buffer *out) {
    if (rules->caa_domain_count == 0) {
        buffer_add_text(out, "every-certificate");
        return buffer_check(out);
    }
    buffer_add_text(out, "expects");
    for (size_t i = 0; i < rules->caa_domain_count; i++)
        buffer_printf(out, "-%s", rules->caa_domains[i]);
    if (rules->reports_new)
        buffer_add_text(out, "-and-new");
    if (out->size > NAME_MAX_SIZE) {
        struct hash hash;
        char hex[HASH_HEX_SIZE];
        digest_of(json, &hash);
        hash_to_hex(&hash, hex);
        buffer_reset(out);
        buffer_printf(out, "expects-%.16s", hex);
    }
    return buffer_check(out);
}

result watch_policy_of(const struct watch_policy_wish *wish, struct arena *arena, struct store_policy *ret_policy,
                       struct reason *reason) {
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(POLICY_JSON_MAX), name = buffer_with_limit(POLICY_JSON_MAX);
    struct policy_rules rules = policy_rules_default(), again;
    rules.reports_new = wish->reports_new;
    TRY(take_domains(wish, arena, &rules));
    TRY(policy_rules_to_json(&rules, &json));
    const char *text = arena_copy_text(arena, buffer_text(&json));
    if (text == NULL)
        return &fault_no_memory;
    if (policy_rules_from_json(span_of_text(text), arena, &again, reason) != OK)
        return &fault_watch_policy;
    TRY(write_name(&rules, buffer_span(&json), &name));
    *ret_policy = (struct store_policy){.name = arena_copy_text(arena, buffer_text(&name)), .rules = text};
    return ret_policy->name == NULL ? &fault_no_memory : OK;
}

result watch_policy_check(const struct store_policy *policy, const struct ca_extra_rows *extra, struct arena *arena, struct reason *reason) {
    struct reason unknown = {""};
    TRY(policy_names_check(policy->rules, extra, arena, &unknown));
    if (unknown.text[0] == '\0')
        return OK;
    return reason_set(reason, &fault_watch_policy, "%s; for one of your own, write a policy for `pinwatch apply --allow-unknown`", unknown.text);
}

#include "steps/matched_names.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/memory.h"

#define IMAGE_LIMIT ((size_t) 16 * 1024 * 1024)

/* "https://user@Host.example:443/path" → "Host.example"; brackets of an IPv6 address are left out. */
static struct span host_of_uri(const char *uri) {
    const char *begin = strstr(uri, "://");
    begin = begin == NULL ? uri : begin + 3;
    struct span authority = span_of(begin, strcspn(begin, "/?#"));
    const uint8_t *at = authority.size == 0 ? NULL : memrchr(authority.bytes, '@', authority.size);
    if (at != NULL)
        authority = span_of(at + 1, authority.size - (size_t) (at + 1 - authority.bytes));
    bool is_bracketed = authority.size > 0 && authority.bytes[0] == '[';
    const uint8_t *end = authority.size == 0 ? NULL : memchr(authority.bytes, is_bracketed ? ']' : ':', authority.size);
    if (end != NULL)
        authority.size = (size_t) (end - authority.bytes);
    return is_bracketed ? span_of(authority.bytes + 1, authority.size - 1) : authority;
}

static struct span lower_case(struct span host, char ret_text[REPORT_NAME_SIZE_MAX + 1]) {
    size_t size = host.size > REPORT_NAME_SIZE_MAX ? REPORT_NAME_SIZE_MAX : host.size;
    for (size_t i = 0; i < size; i++)
        ret_text[i] = (char) (host.bytes[i] >= 'A' && host.bytes[i] <= 'Z' ? host.bytes[i] + 'a' - 'A' : host.bytes[i]);
    ret_text[size] = '\0';
    return span_of(ret_text, size);
}

static struct span domain_of_email(const char *address) {
    const char *at = strrchr(address, '@');
    return span_of_text(at == NULL ? address : at + 1);
}

/* A name, or an address that is written where a name may stand; NUL-terminated. */
static void find_host(const struct watch_image *image, struct span host, struct watch_hits *hits) {
    uint8_t address[16];
    const char *text = (const char *) host.bytes;
    size_t size = inet_pton(AF_INET, text, address) == 1 ? 4 : inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
    watch_find_address(image, span_of(address, size), hits);
    watch_find_dns(image, span_of(text, size > 0 ? 0 : host.size), hits); /* no name still is of a watch on everything */
}

static bool is_matched(const struct watch_image *image, const struct report_name *name, struct watch_hits *hits) {
    char text[REPORT_NAME_SIZE_MAX + 1];
    struct span value = span_of_text(name->value);
    struct span host = name->type == NAME_EMAIL ? domain_of_email(name->value) : name->type == NAME_URI ? host_of_uri(name->value) : value;
    watch_hits_reset(hits);
    host = lower_case(host, text);
    if (name->type == NAME_EMAIL)
        watch_find_email(image, host, hits);
    else
        find_host(image, host, hits);
    return hits->count > 0 || hits->is_nearly_all;
}

static result build_image(const struct watch_of_tenant *watches, size_t count, int32_t tenant_id, struct buffer *out) {
    AUTO_FREE struct watch_item *items = memory_new_array(count + 1, sizeof *items);
    size_t item_count = 0;
    if (items == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        if (watches[i].watch->tenant_id == tenant_id)
            items[item_count++] = (struct watch_item){.kind = watches[i].watch->kind, .value = watches[i].watch->value};
    return watch_image_build(items, item_count, 0, out);
}

result matched_names_list(const struct entry_report *report, const struct watch_of_tenant *watches, size_t count, int32_t tenant_id,
                          size_t room, json_t **ret_list) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(IMAGE_LIMIT);
    struct watch_image image;
    struct watch_hits hits;
    TRY(build_image(watches, count, tenant_id, &bytes));
    TRY(watch_image_open(buffer_span(&bytes), &image));
    json_t *list = json_array();
    for (size_t i = 0; i < report->name_count && json_array_size(list) < room; i++)
        if (is_matched(&image, &report->names[i], &hits))
            json_array_append_new(list, json_string(report->names[i].value));
    if (list == NULL)
        return &fault_no_memory;
    *ret_list = list;
    return OK;
}

#include "formats/pin_file.h"

#include <stdio.h>

#include "formats/app_package.h"
#include "formats/client_report.h"

/* In the order in which a file is held against them: the first that finds it likely has it. */
static const struct pin_format_entry entries[] = {
    {.format = PIN_FORMAT_ANDROID, .summary = "Android: network security config, as XML or compiled", .is_likely = pin_android_is_likely,
     .read = pin_android_read, .write = pin_android_write},
    {.format = PIN_FORMAT_TRUSTKIT_ANDROID, .summary = "TrustKit for Android: network security config with trustkit-config",
     .is_likely = pin_android_is_likely, .read = pin_android_read, .write = pin_trustkit_android_write},
    {.format = PIN_FORMAT_APPLE, .summary = "Apple: NSPinnedDomains of an Info.plist, XML or binary", .is_likely = pin_apple_is_likely,
     .read = pin_apple_read, .write = pin_apple_write},
    {.format = PIN_FORMAT_TRUSTKIT_IOS, .summary = "TrustKit for iOS: TSKConfiguration of an Info.plist, or JSON", .is_likely = pin_trustkit_is_likely,
     .read = pin_trustkit_read, .write = pin_trustkit_write},
    {.format = PIN_FORMAT_YAML, .summary = "pinwatch's own YAML, which can say everything", .is_likely = pin_yaml_is_likely, .read = pin_yaml_read,
     .write = pin_yaml_write},
    {.format = PIN_FORMAT_CHROMIUM, .summary = "Chromium's static pins: .pins with names, JSON with hosts, or both in one file",
     .is_likely = pin_chromium_is_likely, .read = pin_chromium_read, .write = pin_chromium_write},
    {.format = PIN_FORMAT_OKHTTP, .summary = "OkHttp: lines .add(\"host\", \"sha256/…\") of Java or Kotlin source", .is_likely = pin_okhttp_is_likely,
     .read = pin_okhttp_read, .write = pin_okhttp_write},
    {.format = PIN_FORMAT_TLSA, .summary = "TLSA: records of a zone file, or dig's output", .is_likely = pin_tlsa_is_likely, .read = pin_tlsa_read,
     .write = pin_tlsa_write},
    {.format = PIN_FORMAT_HPKP, .summary = "HPKP: the header Public-Key-Pins, or a whole response's", .is_likely = pin_hpkp_is_likely,
     .read = pin_hpkp_read, .write = pin_hpkp_write},
    {.format = PIN_FORMAT_KEY, .summary = "certificates, requests and public keys, as PEM or DER", .is_likely = pin_key_is_likely, .read = pin_key_read},
    {.format = pin_format_count}, /* the end */
};

const struct pin_format_entry *pin_format_entry_at(size_t number) {
    return number < sizeof entries / sizeof entries[0] && entries[number].read != NULL ? &entries[number] : NULL;
}

const struct pin_format_entry *pin_format_entry_of(enum pin_format format) {
    const struct pin_format_entry *entry;
    for (size_t i = 0; (entry = pin_format_entry_at(i)) != NULL; i++)
        if (entry->format == format)
            return entry;
    return NULL;
}

bool pin_format_guess(struct span bytes, enum pin_format *ret_format) {
    const struct pin_format_entry *entry;
    for (size_t i = 0; (entry = pin_format_entry_at(i)) != NULL; i++) {
        if (entry->is_likely(bytes)) {
            *ret_format = entry->format;
            return true;
        }
    }
    return false;
}

static bool begins(struct span bytes, const char *start, size_t size) {
    return bytes.size >= size && memcmp(bytes.bytes, start, size) == 0;
}

/* Why no reader takes the file, as far as one can see. */
static result refuse_unknown(struct span bytes, struct reason *reason) {
    static const char root[] = "<plist";
    bool is_plist = begins(bytes, "bplist0", 7) || (bytes.size > 0 && memmem(bytes.bytes, bytes.size, root, sizeof root - 1) != NULL);
    bool is_utf16 = begins(bytes, "\xff\xfe", 2) || begins(bytes, "\xfe\xff", 2) || begins(bytes, "<\0", 2) || begins(bytes, "\0<", 2);
    if (bytes.size == 0)
        return reason_set(reason, &fault_pin_file, "the file is empty, wanted pins in one of the formats that are known (docs/pins.md)");
    if (is_utf16)
        return reason_set(reason, &fault_pin_file, "the file is in UTF-16, wanted UTF-8: iconv -f UTF-16 -t UTF-8 makes it of it");
    if (is_plist)
        return reason_set(reason, &fault_pin_file, "the property list has no pins: wanted NSPinnedDomains, or TrustKit's TSKConfiguration, in it");
    return reason_set(reason, &fault_pin_file, "this looks like none of the formats of pins that are known; wanted one of them (docs/pins.md), "
                      "or its name with --format");
}

/* A report quotes pins and certificates, but it is what one client met, and anybody can write it. */
static result refuse_report(struct span bytes, struct reason *reason) {
    enum client_report_format format;
    if (!client_report_is_likely(bytes, &format))
        return OK;
    return reason_set(reason, &fault_pin_file, "this is %s report of failed pin validation, wanted a pin file; \"pinwatch pins report\" explains it",
                      format == CLIENT_REPORT_HPKP ? "an HPKP" : "a TrustKit");
}

/* Texts can hold pins of several formats one behind the other; who gave them must not think that all were read. */
static result tell_others(struct span bytes, struct arena *arena, struct pin_document *document) {
    struct pin_builder builder = pin_builder_of(arena, document);
    static const enum pin_format texts[] = {PIN_FORMAT_TLSA, PIN_FORMAT_HPKP};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i] != document->format && pin_format_entry_of(texts[i])->is_likely(bytes))
            TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 0, "format-second", "the file was read as %s, and seems to hold pins of the format %s too, which were not read; "
                                   "wanted a file for each, or --format %s", pin_format_name(document->format), pin_format_name(texts[i]), pin_format_name(texts[i])));
    return pin_builder_end(&builder);
}

static result refuse_limits(struct reason *reason) {
    return reason_set(reason, &fault_pin_file, "the file has more than %d hosts, or more than %d pins for one; wanted fewer: part of a file is no "
                      "pin set", PIN_SETS_MAX, PINS_OF_SET_MAX);
}

static result read_document(const struct pin_file *file, enum pin_format format, struct arena *arena, struct pin_document *ret_document,
                            struct reason *reason) {
    const struct pin_format_entry *entry = pin_format_entry_of(format);
    if (entry == NULL)
        return reason_set(reason, &fault_pin_file, "files of the format \"%s\" cannot be read", pin_format_name(format));
    *ret_document = (struct pin_document){.source = arena_copy_text(arena, file->source), .format = format};
    if (ret_document->source == NULL)
        return &fault_no_memory;
    result outcome = entry->read(file->bytes, arena, ret_document, reason);
    return outcome == &fault_limit_reached ? refuse_limits(reason) : outcome;
}

/* An Info.plist may have Apple's pins and TrustKit's: a document for each. */
static result read_file(const struct pin_file *file, const enum pin_format *format, struct arena *arena, struct pin_document *documents,
                        size_t *count, struct reason *reason) {
    enum pin_format found = pin_format_count;
    if (file->bytes.size > PIN_FILE_SIZE_MAX)
        return reason_set(reason, &fault_pin_file, "the file has %zu bytes, wanted %zu at most", file->bytes.size, PIN_FILE_SIZE_MAX);
    if (format == NULL)
        TRY(refuse_report(file->bytes, reason));
    if (format != NULL)
        found = *format;
    else if (!pin_format_guess(file->bytes, &found))
        return refuse_unknown(file->bytes, reason);
    TRY(read_document(file, found, arena, &documents[(*count)++], reason));
    if (format == NULL)
        TRY(tell_others(file->bytes, arena, &documents[*count - 1]));
    if (format != NULL || found != PIN_FORMAT_APPLE || !pin_trustkit_is_likely(file->bytes))
        return OK;
    return read_document(file, PIN_FORMAT_TRUSTKIT_IOS, arena, &documents[(*count)++], reason);
}

result pin_file_read(const struct pin_file *file, const enum pin_format *format, struct arena *arena, struct pin_document **ret_documents,
                     size_t *ret_count, struct reason *reason) {
    struct pin_file single = *file, *files = &single;
    size_t file_count = 1, count = 0;
    if (app_package_is_likely(file->bytes))
        TRY(app_package_files(file, arena, &files, &file_count, reason));
    struct pin_document *documents = arena_take_array(arena, 2 * file_count, sizeof *documents);
    if (documents == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < file_count; i++)
        TRY(read_file(&files[i], format, arena, documents, &count, reason));
    *ret_documents = documents;
    *ret_count = count;
    return OK;
}

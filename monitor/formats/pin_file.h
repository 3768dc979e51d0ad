/* Files with pins: which format a file has, and its reader and writer. One file per format: pin_android.c, pin_apple.c, pin_trustkit.c,
 * pin_okhttp.c, pin_hpkp.c, pin_tlsa.c, pin_chromium.c, pin_yaml.c, pin_key.c. */
#pragma once

#include "formats/pin_builder.h"

struct pin_file {
    const char *source;
    struct span bytes;
};

/* A reader: fills *ret_document (source and format are set by pin_file_read), or refuses the whole file with fault_pin_file. */
typedef result pin_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);

MUST_CHECK result pin_android_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_apple_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_trustkit_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_okhttp_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_hpkp_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_tlsa_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_chromium_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_yaml_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);
MUST_CHECK result pin_key_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason);

/* Is the file likely one of this format? By its content; cheap, and never wrong about another format of these. */
bool pin_android_is_likely(struct span bytes);
bool pin_apple_is_likely(struct span bytes);
bool pin_trustkit_is_likely(struct span bytes);
bool pin_okhttp_is_likely(struct span bytes);
bool pin_tlsa_is_likely(struct span bytes);
bool pin_hpkp_is_likely(struct span bytes);
bool pin_yaml_is_likely(struct span bytes);
bool pin_chromium_is_likely(struct span bytes);
bool pin_key_is_likely(struct span bytes);

/* Writers: see pin_format_entry.write. */
MUST_CHECK result pin_apple_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_trustkit_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_android_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_trustkit_android_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_okhttp_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_tlsa_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_hpkp_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_yaml_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
MUST_CHECK result pin_chromium_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);

/* What this program can do with a format. */
struct pin_format_entry {
    enum pin_format format;
    const char *summary; /* for --help */
    bool (*is_likely)(struct span bytes);
    pin_read *read;
    /* Appends a file that `read` turns back into the same sets; NULL: cannot be written. `lost` gets a remark for each thing that the
     * format cannot say. Nothing at all is appended where no set is left and the format has no file without one. */
    result (*write)(const struct pin_document *document, struct pin_builder *lost, struct buffer *out);
};
const struct pin_format_entry *pin_format_entry_at(size_t number); /* NULL past the last */
const struct pin_format_entry *pin_format_entry_of(enum pin_format format); /* NULL: there is no reader */

/* By what stands in the file, never by its name; false: nothing that we know. Packages (APK, IPA) are no format: see app_package.h. */
bool pin_format_guess(struct span bytes, enum pin_format *ret_format);

/* Reads a file or package into one document (several for a package that holds several). `format`: NULL to guess. */
MUST_CHECK result pin_file_read(const struct pin_file *file, const enum pin_format *format, struct arena *arena,
                                struct pin_document **ret_documents, size_t *ret_count, struct reason *reason);

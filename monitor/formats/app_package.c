#include "formats/app_package.h"

#include "base/text.h"
#include "formats/android_binary.h"
#include "formats/plist.h"
#include "formats/zip_archive.h"

#define ANDROID_SPACE "http://schemas.android.com/apk/res/android"
#define MANIFEST "AndroidManifest.xml"
#define TABLE "resources.arsc"
#define TABLE_SIZE_MAX ((size_t) 128 * 1024 * 1024)

enum { CONFIG_ATTRIBUTE = 0x01010527 /* android:networkSecurityConfig, whatever its name was changed to */ };

struct opening {
    const struct pin_file *package;
    struct zip_archive zip;
    struct arena *arena;
    struct pin_file *files; /* APP_PACKAGE_FILES_MAX */
    size_t count;
    size_t info_count; /* of those that were looked at */
    struct reason *reason;
};

bool app_package_is_likely(struct span bytes) {
    return zip_is_likely(bytes);
}

static result extract(struct opening *opening, const char *name, size_t size_max, struct span *ret_bytes) {
    struct zip_member member;
    size_t count;
    zip_find(&opening->zip, name, &member, &count);
    if (count != 1)
        return reason_set(opening->reason, &fault_pin_file, "%s stands in the package %s, wanted once", name, count == 0 ? "nowhere" : "more than once");
    return zip_extract(&opening->zip, &member, size_max, opening->arena, ret_bytes);
}

static result add_file(struct opening *opening, const char *name, struct span bytes) {
    char *source = arena_printf(opening->arena, "%s!%s", opening->package->source, name);
    if (source == NULL)
        return &fault_no_memory;
    text_make_harmless(source);
    opening->files[opening->count++] = (struct pin_file){.source = source, .bytes = bytes};
    return OK;
}

/* ---- APK */

static result load_manifest(struct opening *opening, struct xml_tree *ret_tree) {
    struct span bytes;
    TRY(extract(opening, MANIFEST, XML_SIZE_MAX, &bytes));
    if (android_binary_is_xml(bytes))
        return android_binary_load(bytes, &fault_pin_file, opening->arena, ret_tree, opening->reason);
    if (!plist_is_likely(bytes)) /* what XML begins with */
        return reason_set(opening->reason, &fault_pin_file, MANIFEST " is neither compiled nor XML: this is part of an app bundle, or no app; wanted an APK as "
                          "it is installed");
    return xml_tree_load(bytes, &fault_pin_file, opening->arena, ret_tree, opening->reason);
}

static bool is_config(const struct xml_attribute *attribute) {
    return attribute->resource == CONFIG_ATTRIBUTE ||
           (strcmp(attribute->name, "networkSecurityConfig") == 0 && strcmp(attribute->space, ANDROID_SPACE) == 0);
}

static const struct xml_attribute *find_config(const struct xml_node *manifest) {
    for (const struct xml_node *node = manifest->first; node != NULL; node = node->next)
        for (size_t i = 0; xml_node_is(node, "application") && i < node->attribute_count; i++)
            if (is_config(&node->attributes[i]))
                return &node->attributes[i];
    return NULL;
}

static result add_config(struct opening *opening, const char *path) {
    struct span bytes;
    TRY(extract(opening, path, XML_SIZE_MAX, &bytes));
    return add_file(opening, path, bytes);
}

static result add_resource(struct opening *opening, uint32_t resource) {
    struct android_paths paths;
    struct span table;
    TRY(extract(opening, TABLE, TABLE_SIZE_MAX, &table));
    TRY(android_resource_paths(table, resource, &fault_pin_file, opening->arena, &paths, opening->reason));
    if (paths.count == 0)
        return reason_set(opening->reason, &fault_pin_file, TABLE " has no file for the network security config 0x%08x; of a split app, give base.apk",
                          resource);
    for (size_t i = 0; i < paths.count; i++)
        TRY(add_config(opening, paths.paths[i]));
    return OK;
}

static result open_apk(struct opening *opening) {
    static const char source_prefix[] = "@xml/";
    struct xml_tree tree;
    TRY(load_manifest(opening, &tree));
    const struct xml_attribute *config = find_config(tree.root);
    if (config == NULL)
        return reason_set(opening->reason, &fault_pin_file, "the app names no network security config (android:networkSecurityConfig in " MANIFEST "), so "
                          "that nothing is pinned there; of a split app, give base.apk");
    if (config->is_reference)
        return add_resource(opening, config->reference);
    if (strncmp(config->value, source_prefix, sizeof source_prefix - 1) != 0)
        return reason_set(opening->reason, &fault_pin_file, "android:networkSecurityConfig is \"%s\", wanted a resource @xml/…", config->value);
    const char *path = arena_printf(opening->arena, "res/xml/%s.xml", config->value + sizeof source_prefix - 1);
    return path == NULL ? &fault_no_memory : add_config(opening, path);
}

/* ---- IPA */

static bool ends(struct span name, const char *end) {
    size_t size = strlen(end);
    return name.size >= size && memcmp(name.bytes + name.size - size, end, size) == 0;
}

/* Of the app, its extensions, its watch app and its clips; a Mac's app has its own place for it. */
static bool is_info(struct span name) {
    return ends(name, ".app/Info.plist") || ends(name, ".appex/Info.plist") || ends(name, ".app/Contents/Info.plist");
}

static result add_info(struct opening *opening, const struct zip_member *member) {
    struct span bytes;
    const char *name = arena_copy_span_as_text(opening->arena, member->name);
    if (name == NULL)
        return &fault_no_memory;
    if (opening->info_count++ == APP_PACKAGE_FILES_MAX)
        return reason_set(opening->reason, &fault_pin_file, "the package has more than %d Info.plist, wanted fewer", APP_PACKAGE_FILES_MAX);
    TRY(zip_extract(&opening->zip, member, XML_SIZE_MAX, opening->arena, &bytes));
    if (!pin_apple_is_likely(bytes) && !pin_trustkit_is_likely(bytes))
        return OK;
    return add_file(opening, name, bytes);
}

static result open_ipa(struct opening *opening) {
    struct cursor cursor = cursor_of(opening->zip.directory);
    struct zip_member member;
    while (zip_next(&cursor, &member))
        if (is_info(member.name))
            TRY(add_info(opening, &member));
    if (opening->count == 0)
        return reason_set(opening->reason, &fault_pin_file, "no Info.plist of the app has NSPinnedDomains or TSKPinnedDomains: nothing is pinned there");
    return OK;
}

/* ---- which of them */

static bool has_member(const struct opening *opening, bool (*is_it)(struct span name)) {
    struct cursor cursor = cursor_of(opening->zip.directory);
    struct zip_member member;
    while (zip_next(&cursor, &member))
        if (is_it(member.name))
            return true;
    return false;
}

static bool is_manifest(struct span name) {
    return span_equal(name, span_of_text(MANIFEST));
}

static bool is_bundle_manifest(struct span name) {
    return ends(name, "/manifest/" MANIFEST);
}

static bool is_apk(struct span name) {
    return ends(name, ".apk");
}

static result open_package(struct opening *opening) {
    if (has_member(opening, is_manifest))
        return open_apk(opening);
    if (has_member(opening, is_info))
        return open_ipa(opening);
    if (has_member(opening, is_bundle_manifest))
        return reason_set(opening->reason, &fault_pin_file, "this is an app bundle (.aab), not what is installed: make APKs of it (bundletool build-apks "
                          "--mode=universal) and give the APK");
    if (has_member(opening, is_apk))
        return reason_set(opening->reason, &fault_pin_file, "this holds APKs (.apks, .xapk, .apkm): unpack it and give the one with the app's resources, "
                          "base.apk or splits/base-master.apk");
    return reason_set(opening->reason, &fault_pin_file, "this ZIP is no app: wanted " MANIFEST " (APK) or Payload/….app/Info.plist (IPA)");
}

result app_package_files(const struct pin_file *package, struct arena *arena, struct pin_file **ret_files, size_t *ret_count, struct reason *reason) {
    struct opening opening = {.package = package, .arena = arena, .reason = reason};
    if (package->bytes.size > APP_PACKAGE_SIZE_MAX)
        return reason_set(reason, &fault_pin_file, "the package has %zu bytes, wanted at most %zu", package->bytes.size, APP_PACKAGE_SIZE_MAX);
    opening.files = arena_take_array(arena, APP_PACKAGE_FILES_MAX, sizeof *opening.files);
    if (opening.files == NULL)
        return &fault_no_memory;
    TRY(zip_open(package->bytes, &fault_pin_file, &opening.zip, reason));
    TRY(open_package(&opening));
    *ret_files = opening.files;
    *ret_count = opening.count;
    return OK;
}

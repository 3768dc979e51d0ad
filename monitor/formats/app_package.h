/* The files with pins in an app as it is shipped: of an APK the config that its manifest names, of an IPA the Info.plist of the app and of each of its
 * extensions. */
#pragma once

#include "formats/pin_file.h"

#define APP_PACKAGE_SIZE_MAX ((size_t) 1024 * 1024 * 1024)

enum { APP_PACKAGE_FILES_MAX = 64 };

bool app_package_is_likely(struct span bytes);

/* Each with a source "package!path", its bytes borrowed from the package or from the arena. At least one. Error: fault_pin_file: what it
 * is instead, and what to do; fault_no_memory. */
MUST_CHECK result app_package_files(const struct pin_file *package, struct arena *arena, struct pin_file **ret_files, size_t *ret_count,
                                    struct reason *reason);

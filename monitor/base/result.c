#include "base/result.h"

#include <errno.h>
#include <stddef.h>

FAULT(fault_no_memory, FAULT_RETRY, "memory.exhausted", "memory", "", "an allocation failed", "free memory");
FAULT(fault_limit_reached, FAULT_INPUT, "limit.reached", "value", "", "more than the ceiling allows", "less");
FAULT(fault_machine, FAULT_RETRY, "machine.exhausted", "this machine", "",
      "descriptors, disk, processes or randomness gave out, or a device failed", "free ones");
FAULT(fault_library, FAULT_BUG, "library.failed", "library call", "", "a failure on valid input", "success");

result fault_of_errno(int error, result otherwise) {
    static const int passing[] = {EMFILE, ENFILE, ENOSPC, EDQUOT, EIO, EAGAIN, EINTR, ENOBUFS, ENOLCK};
    if (error == ENOMEM)
        return &fault_no_memory;
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (error == passing[i])
            return &fault_machine;
    return otherwise;
}

const char *fault_family_name(enum fault_family family) {
    static const char *const names[] = {
        [FAULT_RETRY] = "retry",       [FAULT_INPUT] = "refused-input", [FAULT_LOG] = "log-misbehaved",
        [FAULT_SETTINGS] = "settings", [FAULT_BUG] = "bug",
    };
    return names[family];
}

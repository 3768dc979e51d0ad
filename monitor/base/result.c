#include "base/result.h"

FAULT(fault_no_memory, FAULT_RETRY, "memory.exhausted", "memory", "", "an allocation failed", "free memory");
FAULT(fault_limit_reached, FAULT_INPUT, "limit.reached", "value", "", "more than the ceiling allows", "less");
FAULT(fault_library, FAULT_BUG, "library.failed", "library call", "", "a failure on valid input", "success");

const char *fault_family_name(enum fault_family family) {
    static const char *const names[] = {
        [FAULT_RETRY] = "retry",       [FAULT_INPUT] = "refused-input", [FAULT_LOG] = "log-misbehaved",
        [FAULT_SETTINGS] = "settings", [FAULT_BUG] = "bug",
    };
    return names[family];
}

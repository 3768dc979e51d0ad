#include "base/reason.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

result reason_set(struct reason *reason, result fault, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason->text, sizeof reason->text, format, arguments);
    va_end(arguments);
    text_make_harmless(reason->text);
    return fault;
}

void reason_of_fault(result fault, struct reason *ret_reason) {
    if (fault == OK) {
        ret_reason->text[0] = '\0';
        return;
    }
    const char *open = fault->clause[0] == '\0' ? "" : " (";
    const char *close = fault->clause[0] == '\0' ? "" : ")";
    (void) reason_set(ret_reason, fault, "%s: %s, wanted %s%s%s%s", fault->object, fault->wrong, fault->wanted, open,
                      fault->clause, close);
}

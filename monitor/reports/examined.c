#include "reports/examined.h"

#include <string.h>

bool examined_is_object(struct span text) {
    size_t depth = 0;
    bool is_string = false;
    if (text.size <= 2 || text.bytes[0] != '{' || memchr(text.bytes, '\0', text.size) != NULL)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.bytes[i];
        if (i > 0 && depth == 0)
            return false;
        if (is_string && byte == '\\')
            i++;
        else if (byte == '"')
            is_string = !is_string;
        else if (!is_string && byte == '{')
            depth++;
        else if (!is_string && byte == '}')
            depth--;
    }
    return depth == 0;
}

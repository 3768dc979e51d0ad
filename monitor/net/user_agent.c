#include "net/user_agent.h"

static bool is_plain(char character) {
    return character > ' ' && character <= '~' && character != '(' && character != ')' && character != '\\';
}

result user_agent_write(const char *contact, struct buffer *out) {
    buffer_add_text(out, "pinwatch/" PINWATCH_VERSION);
    if (contact != NULL && contact[0] != '\0') {
        buffer_add_text(out, " (");
        for (; *contact != '\0'; contact++)
            if (is_plain(*contact))
                buffer_printf(out, "%c", *contact);
        buffer_add_text(out, ")");
    }
    return buffer_check(out);
}

#include <string.h>

#include "channels/channel.h"

FAULT(fault_channel_configuration, FAULT_SETTINGS, "channel.configuration", "configuration of a channel", "",
      "a field is missing, unknown or has no usable value", "the fields that docs/channels.md lists");
FAULT(fault_channel_kind, FAULT_SETTINGS, "channel.kind", "kind of a channel", "", "not known to this version",
      "webhook, email or hook");

static const struct channel_kind *const kinds[] = {&channel_webhook, &channel_email, &channel_hook};

const struct channel_kind *channel_kind_find(const char *name) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

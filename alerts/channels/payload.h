/* An alert as JSON, for webhooks and for hook programs. docs/channels.md lists the fields. Pure. */
#pragma once

#include "channels/channel.h"

/* {"type","timestamp","data":{…}} as Standard Webhooks suggests; the same bytes at every attempt. ASCII only, so that no
 * terminal or log of the receiver can be steered. Free with memory_free_foreign; NULL without memory. */
char *payload_of_webhook(const struct channel_job *job);
/* The object that JSON_FILENAME holds: certspotter's fields, then all of ours under "pinwatch". Free as above. */
char *payload_of_hook(const struct channel_job *job);

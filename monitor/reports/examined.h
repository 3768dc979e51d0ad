/* What the examiner says, looked at before it goes on. */
#pragma once

#include "base/span.h"

/* Is that one JSON object from the first byte to the last, as far as strings and braces tell, so that nothing which is set beside it in a list can be taken for
 * another element? The rest is for the database to refuse. Pure. */
bool examined_is_object(struct span text);

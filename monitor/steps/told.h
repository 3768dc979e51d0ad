/* What people were told about a condition. A process that starts does not know: a finding may be open from before. */
#pragma once

enum told { TOLD_UNKNOWN, TOLD_OPEN, TOLD_OVER };

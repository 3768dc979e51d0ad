/* RFC 8659 4.2 as a regular expression: a second reading of the grammar, to hold the parser against. Not for values with NUL. */
#pragma once

#define CAA_GRAMMAR_LABEL "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
#define CAA_GRAMMAR_PARAMETER CAA_GRAMMAR_LABEL "[ \t]*=[ \t]*[!-:<-~]*"
#define CAA_GRAMMAR "^[ \t]*(" CAA_GRAMMAR_LABEL "(\\." CAA_GRAMMAR_LABEL ")*[ \t]*)?(;[ \t]*(" CAA_GRAMMAR_PARAMETER \
                    "([ \t]*;[ \t]*" CAA_GRAMMAR_PARAMETER ")*[ \t]*)?)?$"

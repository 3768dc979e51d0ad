/* Vectors as text, in tests/vectors/<format>/<name>.vectors: what each shows, the bytes, and the value or the name of the error.
 *
 *     # a length that is not minimal
 *     in  02 81 01 05
 *     out error der.length
 *
 * A line that begins with a blank goes on with the one before it. `let name …` names a piece for the rest of the file, `$name` stands for
 * it. Bytes are hex digits, "text" (with \n \r \t \0 \" \\), TT{ … } for a
 * DER element with tag TT, N< … > for a vector behind its length in N bytes, b64( … ) for base64; X*N repeats what stands before it.
 * The fuzzers' tools read the same (fuzz/vectors.py), and begin with these inputs. */
#pragma once

#include "vector_files.h"

/* Every vector in tests/vectors/<folder>/<name>.vectors; fails when there are none. */
void vector_texts_check(const char *folder, vector_judge *judge);

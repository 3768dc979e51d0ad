/* The three proofs in JSON.
 *
 * parser: formats/proof_json.c
 * seeds: proof-consistency proof-entry proof-inclusion */
#include <stdlib.h>

#include "formats/proof_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct span json = span_of(bytes, size);
    struct proof proof;
    struct hash leaf;
    if (proof_from_consistency_json(json, &proof) == OK && proof.count > PROOF_NODES_MAX)
        abort();
    if (proof_from_inclusion_json(json, &proof) == OK && proof.count > PROOF_NODES_MAX)
        abort();
    if (proof_from_entry_and_proof_json(json, 0, &leaf, &proof) == OK && proof.count > PROOF_NODES_MAX)
        abort();
    return 0;
}

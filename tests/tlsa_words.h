/* TLSA answers as the client judges them and the gate makes pins of them; shared by the unit test and the harness. */
#pragma once

#include "formats/pin_tlsa_records.h"
#include "rules/caa_answer.h"

#define TLSA_ASKED "_443._tcp.a.example"

static inline struct tlsa_answer tlsa_answer_of(const struct caa_answer *answer) {
    return (struct tlsa_answer){.source = "records", .host = "a.example", .port = 443, .protocol = "tcp", .data = answer->data, .count = answer->data_count,
                                .is_secure = answer->is_authenticated, .has_ttl = answer->has_zone_ttl, .ttl_s = answer->zone_ttl_s};
}

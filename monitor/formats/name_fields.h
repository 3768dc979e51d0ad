/* One name field of a certificate → its readings. Shared by the walk and by what OpenSSL shows. */
#pragma once

#include "formats/name_normalise.h"
#include "formats/names.h"

struct name_reader {
    name_visitor *visit;
    void *context;
    struct name_budget budget;
    size_t reading_count;
    size_t san_reading_count;
};

void name_read_dns(struct name_reader *reader, struct span field);
void name_read_email(struct name_reader *reader, struct span field, enum name_origin origin);
void name_read_uri(struct name_reader *reader, struct span field);
void name_read_address(struct name_reader *reader, struct span field);
/* A common name in any ASN.1 string type. */
void name_read_common_name(struct name_reader *reader, uint8_t tag, struct span content);

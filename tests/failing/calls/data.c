/* libpq, libdeflate, libidn2, libcyaml and libyaml. */
#include <cyaml/cyaml.h>
#include <idn2.h>
#include <libdeflate.h>
#include <libpq-fe.h>
#include <yaml.h>

#include "failing/calls/calls.h"

#define POSTGRES_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_POSTGRES, type, name, parameters, arguments, failure)
POSTGRES_CALL(PGconn *, PQconnectdbParams, (const char *const *words, const char *const *values, int expands), (words, values, expands), NULL)
POSTGRES_CALL(int, PQsendQueryParams,
              (PGconn * connection, const char *text, int count, const Oid *types, const char *const *values, const int *sizes,
               const int *formats, int format),
              (connection, text, count, types, values, sizes, formats, format), 0)
POSTGRES_CALL(int, PQsendQuery, (PGconn * connection, const char *text), (connection, text), 0)
POSTGRES_CALL(int, PQflush, (PGconn * connection), (connection), -1)
POSTGRES_CALL(int, PQsetnonblocking, (PGconn * connection, int how), (connection, how), -1)
POSTGRES_CALL(int, PQconsumeInput, (PGconn * connection), (connection), 0)
POSTGRES_CALL(ConnStatusType, PQstatus, (const PGconn *connection), (connection), CONNECTION_BAD)
POSTGRES_CALL(PQconninfoOption *, PQconninfoParse, (const char *text, char **message), (text, message), (*message = NULL, NULL))
POSTGRES_CALL(char *, PQencryptPasswordConn, (PGconn * connection, const char *word, const char *user, const char *algorithm),
              (connection, word, user, algorithm), NULL)

#define INFLATE_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_INFLATE, type, name, parameters, arguments, failure)
INFLATE_CALL(struct libdeflate_decompressor *, libdeflate_alloc_decompressor, (void), (), NULL)
INFLATE_CALL(struct libdeflate_compressor *, libdeflate_alloc_compressor, (int level), (level), NULL)

STAND_BEFORE(CALL_IDN, int, idn2_lookup_u8, (const uint8_t *in, uint8_t **out, int flags), (in, out, flags), IDN2_MALLOC)
STAND_BEFORE(CALL_IDN, int, idn2_to_ascii_8z, (const char *in, char **out, int flags), (in, out, flags), IDN2_MALLOC)

#define YAML_CALL(type, name, parameters, arguments, failure) STAND_BEFORE(CALL_YAML, type, name, parameters, arguments, failure)
YAML_CALL(cyaml_err_t, cyaml_load_data,
          (const uint8_t *text, size_t size, const cyaml_config_t *how, const cyaml_schema_value_t *schema, cyaml_data_t **out, unsigned *count),
          (text, size, how, schema, out, count), CYAML_ERR_OOM)
YAML_CALL(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), (parser->error = YAML_MEMORY_ERROR, 0))
YAML_CALL(int, yaml_parser_load, (yaml_parser_t * parser, yaml_document_t *document), (parser, document),
          (memset(document, 0, sizeof *document), parser->error = YAML_MEMORY_ERROR, 0))
YAML_CALL(int, yaml_parser_parse, (yaml_parser_t * parser, yaml_event_t *event), (parser, event),
          (memset(event, 0, sizeof *event), parser->error = YAML_MEMORY_ERROR, 0))

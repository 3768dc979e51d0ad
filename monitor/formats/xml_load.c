/* XML through libxml2's callbacks: it builds no tree of its own, so that what it keeps is bounded by one element. */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>
#include <stdio.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/xml_tree.h"

struct loading {
    struct xml_building building; /* first: libxml2 hands the address back */
    xmlParserCtxt *parser;
    result fault;
    result outcome;
    unsigned lines_before; /* cut off in front of the declaration */
    struct reason *reason;
};

/* ---- libxml2's own state */

static char *copy_for_library(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = memory_new(size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

static void forget(void *unused, xmlError *unused_error) {
    (void) unused;
    (void) unused_error;
}

/* Its memory is counted like ours, because it goes on with a part of the file where it is refused some; and it never prints. */
static bool library_begin(void) {
    static bool is_ready;
    if (!is_ready) {
        if (xmlMemSetup(memory_free, memory_new, memory_resize, copy_for_library) != 0)
            return false;
        xmlInitParser();
        is_ready = true;
    }
    xmlSetStructuredErrorFunc(NULL, forget);
    return true;
}

/* ---- refusals */

static void stop(struct loading *loading, result outcome) {
    if (loading->outcome == OK)
        loading->outcome = outcome;
    xmlStopParser(loading->parser);
}

static void refuse(struct loading *loading, unsigned line, const char *sentence) {
    if (loading->outcome == OK)
        stop(loading, reason_set(loading->reason, loading->fault, "line %u: %s", line, sentence));
}

static unsigned line_now(const struct loading *loading) {
    const xmlParserInput *input = loading->parser->input;
    return input == NULL || input->line < 1 ? 1 : (unsigned) input->line;
}

static void settle(struct loading *loading, result outcome) {
    if (outcome == &fault_limit_reached && loading->building.complaint != NULL)
        refuse(loading, line_now(loading), loading->building.complaint);
    else if (outcome != OK)
        stop(loading, outcome);
}

static void on_error(void *user, xmlError *error) {
    struct loading *loading = user;
    char sentence[200];
    bool is_undeclared = error->code == XML_WAR_UNDECLARED_ENTITY || error->code == XML_ERR_UNDECLARED_ENTITY;
    if (error->code == XML_ERR_NO_MEMORY)
        return stop(loading, &fault_no_memory);
    if (error->level < XML_ERR_ERROR && !is_undeclared)
        return;
    int size = error->message == NULL ? 0 : (int) strcspn(error->message, "\n");
    snprintf(sentence, sizeof sentence, "not XML: %.*s%s", size < 140 ? size : 140, error->message == NULL ? "" : error->message,
             is_undeclared ? "; wanted no entities but &lt; &gt; &amp; &quot; &apos;" : "");
    refuse(loading, error->line < 1 ? 1 : (unsigned) error->line, sentence);
}

/* ---- callbacks */

static const char *keep(struct loading *loading, const xmlChar *text) {
    return text == NULL ? "" : arena_copy_text(loading->building.arena, (const char *) text);
}

static bool keep_attribute(struct loading *loading, const xmlChar **parts, struct xml_attribute *ret_attribute) {
    struct span value = span_of(parts[3], (size_t) (parts[4] - parts[3]));
    *ret_attribute = (struct xml_attribute){.name = keep(loading, parts[0]), .space = keep(loading, parts[2]),
                                            .value = arena_copy_span_as_text(loading->building.arena, value)};
    return ret_attribute->name != NULL && ret_attribute->space != NULL && ret_attribute->value != NULL;
}

static bool keep_attributes(struct loading *loading, size_t count, const xmlChar **parts) {
    struct xml_node *node = loading->building.current;
    node->attributes = arena_take_array(loading->building.arena, count, sizeof *node->attributes);
    if (node->attributes == NULL)
        return false;
    for (; node->attribute_count < count; node->attribute_count++)
        if (!keep_attribute(loading, parts + 5 * node->attribute_count, &node->attributes[node->attribute_count]))
            return false;
    return true;
}

/* libxml2's, startElementNsSAX2Func. */
#define START_PARAMETERS \
    void *user, const xmlChar *name, const xmlChar *unused_prefix, const xmlChar *space, int unused_count, const xmlChar **unused_spaces, \
        int attribute_count, int unused_defaults, const xmlChar **attributes

static void on_start(START_PARAMETERS) {
    struct loading *loading = user;
    (void) unused_prefix, (void) unused_count, (void) unused_spaces, (void) unused_defaults;
    if (loading->outcome != OK)
        return;
    const char *kept_name = keep(loading, name), *kept_space = keep(loading, space);
    if (kept_name == NULL || kept_space == NULL)
        return stop(loading, &fault_no_memory);
    settle(loading, xml_building_open(&loading->building, kept_name, kept_space, line_now(loading)));
    if (loading->outcome == OK && !keep_attributes(loading, (size_t) attribute_count, attributes))
        stop(loading, &fault_no_memory);
}

static void on_end(void *user, const xmlChar *unused_name, const xmlChar *unused_prefix, const xmlChar *unused_space) {
    struct loading *loading = user;
    (void) unused_name, (void) unused_prefix, (void) unused_space;
    if (loading->outcome == OK)
        settle(loading, xml_building_close(&loading->building));
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct span trim(struct span text) {
    while (text.size > 0 && is_space(text.bytes[0]))
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && is_space(text.bytes[text.size - 1]))
        text.size--;
    return text;
}

static void on_text(void *user, const xmlChar *text, int size) {
    struct loading *loading = user;
    struct span span = span_of(text, (size_t) size);
    if (loading->outcome != OK)
        return;
    if (trim(span).size > 0)
        loading->building.comment = NULL;
    settle(loading, xml_building_text(&loading->building, span));
}

/* White space of any length to one blank. */
static void make_one_line(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++)
        if (!is_space((uint8_t) *from))
            *to++ = *from;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
}

static void on_comment(void *user, const xmlChar *text) {
    struct loading *loading = user;
    if (loading->outcome != OK)
        return;
    char *comment = arena_copy_span_as_text(loading->building.arena, trim(span_of_text((const char *) text)));
    if (comment == NULL)
        return stop(loading, &fault_no_memory);
    make_one_line(comment);
    text_make_harmless(comment);
    loading->building.comment = comment;
}

/* Where a DOCTYPE has been read up to its internal subset, if it has one. */
static void on_doctype(void *user, const xmlChar *unused_name, const xmlChar *unused_public, const xmlChar *unused_system) {
    struct loading *loading = user;
    const xmlParserInput *input = loading->parser->input;
    (void) unused_name, (void) unused_public, (void) unused_system;
    if (input != NULL && input->cur < input->end && *input->cur == '[')
        refuse(loading, line_now(loading), "the DOCTYPE has declarations of its own (an internal subset), wanted none");
}

static void on_reference(void *user, const xmlChar *name) {
    struct loading *loading = user;
    char sentence[160];
    snprintf(sentence, sizeof sentence, "the entity &%.60s; is used, wanted no entities but &lt; &gt; &amp; &quot; &apos;", (const char *) name);
    refuse(loading, line_now(loading), sentence);
}

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC, .internalSubset = on_doctype, .reference = on_reference, .characters = on_text,
    .ignorableWhitespace = on_text, .comment = on_comment, .startElementNs = on_start, .endElementNs = on_end, .serror = on_error,
};

/* ---- before libxml2 sees it */

static bool begins(struct span text, const char *start) {
    size_t size = strlen(start);
    return text.size >= size && memcmp(text.bytes, start, size) == 0;
}

static struct span behind(struct span text, size_t count) {
    return span_of(text.bytes + count, text.size - count);
}

static unsigned line_of(struct span file, const uint8_t *place) {
    unsigned line = 1;
    for (const uint8_t *at = file.bytes; at < place; at++)
        line += *at == '\n';
    return line;
}

/* Behind `end`, or the end of the text. */
static const uint8_t *skip_past(const uint8_t *at, const uint8_t *stop_at, const char *end) {
    const uint8_t *found = memmem(at, (size_t) (stop_at - at), end, strlen(end));
    return found == NULL ? stop_at : found + strlen(end);
}

/* Behind the tag that begins at `at`; *ret_quoted counts its quoted values. */
static const uint8_t *skip_tag(const uint8_t *at, const uint8_t *stop_at, size_t *ret_quoted) {
    *ret_quoted = 0;
    while (at < stop_at && *at != '>') {
        if (*at != '"' && *at != '\'') {
            at++;
            continue;
        }
        const char quote[2] = {(char) *at, '\0'};
        at = skip_past(at + 1, stop_at, quote);
        ++*ret_quoted;
    }
    return at;
}

/* libxml2 compares every attribute of an element with every other: with hundreds of thousands that takes hours. NULL: none has too many. */
static const uint8_t *find_overfull_tag(struct span text) {
    const uint8_t *at = text.bytes, *stop_at = text.bytes + text.size;
    while ((at = memchr(at, '<', (size_t) (stop_at - at))) != NULL) {
        struct span rest = span_of(at, (size_t) (stop_at - at));
        size_t quoted = 0;
        const uint8_t *tag = at;
        if (begins(rest, "<!--"))
            at = skip_past(at, stop_at, "-->");
        else if (begins(rest, "<![CDATA["))
            at = skip_past(at, stop_at, "]]>");
        else if (begins(rest, "<?"))
            at = skip_past(at, stop_at, "?>");
        else
            at = skip_tag(at, stop_at, &quoted);
        if (quoted > XML_ATTRIBUTES_MAX)
            return tag;
    }
    return NULL;
}

/* Only what libxml2 reads without help: any other would let the file choose which converter the machine loads. */
static bool is_known_encoding(struct span name) {
    static const char *const known[] = {"utf-8", "us-ascii", "ascii", "iso-8859-1"};
    char lower[16] = "";
    if (name.size >= sizeof lower)
        return false;
    for (size_t i = 0; i < name.size; i++)
        lower[i] = (char) ascii_lower(name.bytes[i]);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(lower, known[i]) == 0)
            return true;
    return false;
}

static bool has_known_encoding(struct span text) {
    const uint8_t *end = begins(text, "<?xml") ? memmem(text.bytes, text.size, "?>", 2) : NULL;
    const uint8_t *found = end == NULL ? NULL : memmem(text.bytes, (size_t) (end - text.bytes), "encoding", 8);
    if (found == NULL)
        return true;
    for (found += 8; found < end && (is_space(*found) || *found == '=');)
        found++;
    if (found == end || (*found != '"' && *found != '\''))
        return true; /* libxml2 says what is wrong with it */
    const uint8_t *close = memchr(found + 1, *found, (size_t) (end - found - 1));
    return close == NULL || is_known_encoding(span_of(found + 1, (size_t) (close - found - 1)));
}

/* `text` is what stands behind the white space that `file` begins with. */
static result look_over(struct span file, struct span text, result fault, struct reason *reason) {
    const uint8_t *place;
    if (text.size == 0 || text.bytes[0] != '<')
        return reason_set(reason, fault, "line %u: not XML in UTF-8, wanted \"<\" first", line_of(file, text.bytes));
    if ((place = memchr(text.bytes, '\0', text.size)) != NULL)
        return reason_set(reason, fault, "line %u: not XML in UTF-8: there is a NUL, wanted text", line_of(file, place));
    if (!has_known_encoding(text))
        return reason_set(reason, fault, "line %u: the XML declares an encoding that is not read here, wanted UTF-8", line_of(file, text.bytes));
    if ((place = find_overfull_tag(text)) != NULL)
        return reason_set(reason, fault, "line %u: an element has more than %d attributes, wanted fewer", line_of(file, place), XML_ATTRIBUTES_MAX);
    return OK;
}

static void parse(struct loading *loading, struct span text) {
    loading->parser = xmlCreateMemoryParserCtxt((const char *) text.bytes, (int) text.size);
    if (loading->parser == NULL) {
        loading->outcome = &fault_no_memory;
        return;
    }
    *loading->parser->sax = handler;
    loading->parser->userData = loading;
    loading->parser->input->line += (int) loading->lines_before;
    xmlCtxtUseOptions(loading->parser, XML_PARSE_NONET);
    xmlParseDocument(loading->parser);
    if (loading->outcome == OK && (!loading->parser->wellFormed || loading->building.current != NULL || loading->building.tree.root == NULL))
        refuse(loading, line_now(loading), "not XML, or not to its end");
    xmlFreeDoc(loading->parser->myDoc);
    xmlFreeParserCtxt(loading->parser);
}

result xml_tree_load(struct span text, result fault, struct arena *arena, struct xml_tree *ret_tree, struct reason *reason) {
    struct loading loading = {.building.arena = arena, .fault = fault, .reason = reason};
    struct span rest = begins(text, "\xef\xbb\xbf") ? behind(text, 3) : text;
    if (text.size > XML_SIZE_MAX)
        return reason_set(reason, fault, "the XML has %zu bytes, wanted at most %zu", text.size, XML_SIZE_MAX);
    for (; rest.size > 0 && is_space(rest.bytes[0]); rest = behind(rest, 1)) {
        loading.lines_before += rest.bytes[0] == '\n';
        loading.building.tree.has_leading_space = true;
    }
    TRY(look_over(text, rest, fault, reason));
    uint64_t mark = memory_mark();
    if (!library_begin())
        return &fault_no_memory;
    parse(&loading, rest);
    xmlResetLastError();
    xml_building_done(&loading.building);
    if (memory_mark() != mark)
        return &fault_no_memory;
    TRY(loading.outcome);
    *ret_tree = loading.building.tree;
    return OK;
}

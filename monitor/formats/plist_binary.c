/* Binary plists ("bplist00"): objects that name each other by number, and a table of where they begin, described in the last 32 bytes. */
#include "base/cursor.h"
#include "base/utf8.h"
#include "formats/plist.h"
#include "formats/xml_tree.h"

enum { TRAILER_SIZE = 32, TRAILER_UNUSED = 6, OBJECTS_MAX = PLIST_NODES_MAX };
enum { KIND_SIMPLE = 0, KIND_INTEGER = 1, KIND_ASCII = 5, KIND_UTF16 = 6, KIND_UTF8 = 7, KIND_ARRAY = 10, KIND_SET = 12, KIND_DICT = 13,
       VALUE_FALSE = 8, VALUE_TRUE = 9, COUNT_FOLLOWS = 15 };

/* A container under way. */
struct level {
    struct span keys, values; /* numbers of objects; keys only of a dict */
    size_t next, count;
};

struct loading {
    struct plist_building building;
    struct span file;      /* up to the trailer */
    struct span offsets;
    size_t offset_width, reference_width;
    uint64_t object_count;
    const char **texts;    /* of strings that were asked for, by number of the object */
    size_t text_size;      /* of those: many objects may begin at one place */
    struct level levels[PLIST_DEPTH_MAX];
    size_t depth;
    result fault;
    struct reason *reason;
};

struct object {
    uint8_t kind, low;  /* high and low half of its first byte */
    uint64_t count;     /* of elements, characters or bytes */
    struct cursor rest; /* what follows */
};

static result refuse(struct loading *loading, const char *sentence) {
    return reason_set(loading->reason, loading->fault, "binary plist: %s", sentence);
}

struct trailer {
    uint8_t offset_width, reference_width;
    uint64_t count, top, start;
};

static bool take_trailer(struct span bytes, struct trailer *ret_trailer) {
    struct cursor cursor = cursor_of(span_of(bytes.bytes + bytes.size - TRAILER_SIZE, TRAILER_SIZE));
    return cursor_skip(&cursor, TRAILER_UNUSED) && cursor_u8(&cursor, &ret_trailer->offset_width) && cursor_u8(&cursor, &ret_trailer->reference_width) &&
           cursor_number(&cursor, 8, &ret_trailer->count) && cursor_number(&cursor, 8, &ret_trailer->top) &&
           cursor_number(&cursor, 8, &ret_trailer->start);
}

static bool is_width(uint8_t width) {
    return width >= 1 && width <= 8;
}

static result read_trailer(struct loading *loading, struct span bytes, uint64_t *ret_top) {
    struct trailer trailer;
    if (bytes.size < TRAILER_SIZE + 8 || !take_trailer(bytes, &trailer))
        return refuse(loading, "the file ends early");
    if (!is_width(trailer.offset_width) || !is_width(trailer.reference_width))
        return refuse(loading, "numbers in its tables have no size from 1 to 8 bytes");
    if (trailer.count > OBJECTS_MAX)
        return refuse(loading, "it has more than 200000 objects, wanted fewer");
    loading->file = span_of(bytes.bytes, bytes.size - TRAILER_SIZE);
    struct cursor table = cursor_of(loading->file);
    if (trailer.start > SIZE_MAX || !cursor_skip(&table, (size_t) trailer.start) ||
        !cursor_take(&table, (size_t) trailer.count * trailer.offset_width, &loading->offsets))
        return refuse(loading, "its table of objects does not fit into the file");
    loading->offset_width = trailer.offset_width;
    loading->reference_width = trailer.reference_width;
    loading->object_count = trailer.count;
    *ret_top = trailer.top;
    return OK;
}

/* The n-th number of a table. */
static bool number_in(struct span table, size_t width, uint64_t place, uint64_t *ret_number) {
    struct cursor cursor = cursor_of(table);
    return place < table.size / width && cursor_skip(&cursor, (size_t) place * width) && cursor_number(&cursor, width, ret_number);
}

/* A count that stands in an integer behind the first byte. */
static bool take_count(struct cursor *cursor, uint64_t *ret_count) {
    uint8_t first;
    if (!cursor_u8(cursor, &first) || first >> 4 != KIND_INTEGER || (first & 15) > 3)
        return false;
    return cursor_number(cursor, (size_t) 1 << (first & 15), ret_count);
}

static bool has_count(uint8_t kind) {
    return kind >= KIND_ASCII && kind <= KIND_DICT && kind != 8 && kind != 9;
}

static result find_object(struct loading *loading, uint64_t number, struct object *ret_object) {
    struct cursor cursor = cursor_of(loading->file);
    uint64_t offset;
    uint8_t first;
    if (!number_in(loading->offsets, loading->offset_width, number, &offset) || offset > SIZE_MAX || !cursor_skip(&cursor, (size_t) offset) ||
        !cursor_u8(&cursor, &first))
        return refuse(loading, "an object is named that is not there");
    *ret_object = (struct object){.kind = first >> 4, .low = first & 15, .count = first & 15};
    if (has_count(ret_object->kind) && ret_object->low == COUNT_FOLLOWS && !take_count(&cursor, &ret_object->count))
        return refuse(loading, "an object does not say how long it is");
    if (ret_object->count > loading->file.size)
        return refuse(loading, "an object is longer than the file");
    ret_object->rest = cursor;
    return OK;
}

/* ---- strings */

static void put_bytes(struct span raw, char *ret_text) {
    uint32_t point;
    for (size_t at = 0; at < raw.size;) {
        size_t size = utf8_next(raw, at, &point);
        if (size == 0 || point == 0)
            *ret_text++ = '?';
        for (size_t i = 0; i < size && point != 0; i++)
            *ret_text++ = (char) raw.bytes[at + i];
        at += size == 0 ? 1 : size;
    }
}

static uint32_t unit_at(struct span raw, size_t at) {
    return at + 1 < raw.size ? (uint32_t) raw.bytes[at] << 8 | raw.bytes[at + 1] : 0;
}

static void put_utf16(struct span raw, char *ret_text) {
    for (size_t at = 0; at + 1 < raw.size; at += 2) {
        uint32_t point = unit_at(raw, at), low = unit_at(raw, at + 2);
        uint8_t bytes[4];
        if (point >= 0xd800 && point < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
            at += 2;
        }
        size_t size = point == 0 ? 0 : utf8_put(point, bytes);
        if (size == 0)
            *ret_text++ = '?';
        for (size_t i = 0; i < size; i++)
            *ret_text++ = (char) bytes[i];
    }
}

static result make_text(struct loading *loading, struct object *object, const char **ret_text) {
    size_t width = object->kind == KIND_UTF16 ? 2 : 1;
    struct span raw;
    if (!cursor_take(&object->rest, (size_t) object->count * width, &raw))
        return refuse(loading, "a string does not fit into the file");
    loading->text_size += raw.size;
    if (loading->text_size > XML_TEXT_MAX)
        return refuse(loading, "its strings make more than 16 MB, wanted less");
    char *text = arena_take(loading->building.arena, raw.size / width * 3 + 4);
    if (text == NULL)
        return &fault_no_memory;
    if (width == 2)
        put_utf16(raw, text);
    else
        put_bytes(raw, text);
    *ret_text = text;
    return OK;
}

/* Made once, because many objects may name the same string. */
static result text_of(struct loading *loading, uint64_t number, struct object *object, const char **ret_text) {
    if (loading->texts[number] == NULL)
        TRY(make_text(loading, object, &loading->texts[number]));
    *ret_text = loading->texts[number];
    return OK;
}

static result key_of(struct loading *loading, uint64_t number, const char **ret_key) {
    struct object object;
    TRY(find_object(loading, number, &object));
    if (object.kind != KIND_ASCII && object.kind != KIND_UTF16 && object.kind != KIND_UTF8)
        return refuse(loading, "a key is no string");
    return text_of(loading, number, &object, ret_key);
}

/* ---- values */

static enum plist_type type_of(const struct object *object) {
    switch (object->kind) {
    case KIND_SIMPLE:
        return object->low == VALUE_TRUE || object->low == VALUE_FALSE ? PLIST_BOOLEAN : PLIST_OTHER;
    case KIND_INTEGER:
        return PLIST_INTEGER;
    case KIND_ASCII:
    case KIND_UTF16:
    case KIND_UTF8:
        return PLIST_STRING;
    case KIND_ARRAY:
    case KIND_SET:
        return PLIST_ARRAY;
    case KIND_DICT:
        return PLIST_DICT;
    default:
        return PLIST_OTHER;
    }
}

static result open_level(struct loading *loading, struct object *object) {
    struct level *level = &loading->levels[loading->depth];
    size_t size = (size_t) object->count * loading->reference_width;
    *level = (struct level){.count = (size_t) object->count};
    if ((object->kind == KIND_DICT && !cursor_take(&object->rest, size, &level->keys)) || !cursor_take(&object->rest, size, &level->values))
        return refuse(loading, "a container does not fit into the file");
    loading->depth++;
    return OK;
}

static result fill_value(struct loading *loading, uint64_t number, struct object *object, struct plist_node *node) {
    uint64_t value;
    switch (node->type) {
    case PLIST_DICT:
    case PLIST_ARRAY:
        return open_level(loading, object);
    case PLIST_STRING:
        return text_of(loading, number, object, &node->text);
    case PLIST_BOOLEAN:
        node->number = object->low == VALUE_TRUE;
        return OK;
    case PLIST_INTEGER:
        if (object->low > 4 || (object->low == 4 && !cursor_skip(&object->rest, 8)) ||
            !cursor_number(&object->rest, object->low == 4 ? 8 : (size_t) 1 << object->low, &value))
            return refuse(loading, "an integer does not fit into the file");
        node->number = value > INT64_MAX ? 1 : (int64_t) value;
        return OK;
    default:
        return OK;
    }
}

static result add_object(struct loading *loading, uint64_t number, const char *key) {
    struct object object;
    struct plist_node *node;
    TRY(find_object(loading, number, &object));
    result outcome = plist_building_add(&loading->building, type_of(&object), key, &node);
    if (outcome == &fault_limit_reached)
        return refuse(loading, loading->building.complaint);
    TRY(outcome);
    return fill_value(loading, number, &object, node);
}

static result add_next(struct loading *loading) {
    struct level *level = &loading->levels[loading->depth - 1];
    uint64_t number, key_number = 0;
    const char *key = "";
    if (level->next == level->count) {
        loading->depth--;
        plist_building_close(&loading->building);
        return OK;
    }
    if (!number_in(level->values, loading->reference_width, level->next, &number))
        return refuse(loading, "a container does not fit into the file");
    if (level->keys.size > 0) {
        (void) number_in(level->keys, loading->reference_width, level->next, &key_number);
        TRY(key_of(loading, key_number, &key));
    }
    level->next++;
    return add_object(loading, number, key);
}

result plist_load_binary(struct span bytes, result fault, struct arena *arena, struct plist *ret_plist, struct reason *reason) {
    struct loading *loading = arena_take(arena, sizeof *loading);
    uint64_t top = 0;
    if (loading == NULL)
        return &fault_no_memory;
    *loading = (struct loading){.building.arena = arena, .fault = fault, .reason = reason};
    TRY(read_trailer(loading, bytes, &top));
    loading->texts = arena_take_array(arena, (size_t) loading->object_count + 1, sizeof *loading->texts);
    if (loading->texts == NULL)
        return &fault_no_memory;
    TRY(add_object(loading, top, ""));
    while (loading->depth > 0)
        TRY(add_next(loading));
    *ret_plist = (struct plist){.root = loading->building.root};
    return OK;
}

#include "wording/page.h"

#define TEXT_WIDTH  76
#define LABEL_WIDTH 16

struct page page_new(void) {
    return (struct page){.text = buffer_with_limit(PAGE_SIZE_MAX), .html = buffer_with_limit(PAGE_SIZE_MAX)};
}

void page_done(struct page *page) {
    buffer_done(&page->text);
    buffer_done(&page->html);
}

bool html_add_escaped(struct buffer *html, struct span text) {
    static const char *const references[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    size_t start = 0;
    for (size_t at = 0; at < text.size; at++) {
        const char *reference = references[text.bytes[at]];
        if (reference == NULL)
            continue;
        buffer_add(html, span_of(text.bytes + start, at - start));
        buffer_add_text(html, reference);
        start = at + 1;
    }
    if (start < text.size)
        buffer_add(html, span_of(text.bytes + start, text.size - start));
    return !html->failed;
}

static void add_element(struct buffer *html, const char *open, const char *text, const char *close) {
    buffer_add_text(html, open);
    html_add_escaped(html, span_of_text(text));
    buffer_add_text(html, close);
}

/* Adds `text` from column `column` on, broken at spaces before TEXT_WIDTH; further lines are indented by `indent`. */
static void add_wrapped(struct buffer *out, const char *text, size_t column, size_t indent) {
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        size_t space = text[word] == ' ' ? 1 : 0;
        if (column + word > TEXT_WIDTH && column > indent) {
            buffer_printf(out, "\n%*s", (int) indent, "");
            column = indent;
        }
        buffer_add(out, span_of(text, word + space));
        column += word + space;
        text += word + space;
    }
    buffer_add_text(out, "\n");
}

void page_begin(struct page *page, const char *title) {
    add_element(&page->html, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>", title,
                "</title></head>\n<body style=\"font-family:sans-serif;max-width:48em\">\n");
}

void page_paragraph(struct page *page, const char *text) {
    add_wrapped(&page->text, text, 0, 0);
    buffer_add_text(&page->text, "\n");
    add_element(&page->html, "<p>", text, "</p>\n");
}

void page_heading(struct page *page, const char *text) {
    buffer_printf(&page->text, "%s\n", text);
    add_element(&page->html, "<h3>", text, "</h3>\n");
}

void page_rows_begin(struct page *page) {
    buffer_add_text(&page->html, "<table style=\"text-align:left;vertical-align:top\">\n");
}

void page_row(struct page *page, const char *label, const char *value) {
    buffer_printf(&page->text, "  %-*s ", LABEL_WIDTH, label);
    add_wrapped(&page->text, value, LABEL_WIDTH + 3, LABEL_WIDTH + 3);
    add_element(&page->html, "<tr><th style=\"padding-right:1em\">", label, "</th><td>");
    add_element(&page->html, "", value, "</td></tr>\n");
}

void page_rows_end(struct page *page) {
    buffer_add_text(&page->text, "\n");
    buffer_add_text(&page->html, "</table>\n");
}

void page_steps_begin(struct page *page) {
    buffer_add_text(&page->html, "<ol>\n");
}

void page_step(struct page *page, unsigned number, const char *text) {
    buffer_printf(&page->text, "  %u. ", number);
    add_wrapped(&page->text, text, 5, 5);
    add_element(&page->html, "<li>", text, "</li>\n");
}

void page_steps_end(struct page *page) {
    buffer_add_text(&page->text, "\n");
    buffer_add_text(&page->html, "</ol>\n");
}

void page_end(struct page *page) {
    buffer_add_text(&page->html, "</body></html>\n");
}

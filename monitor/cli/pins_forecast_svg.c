/* The forecast as a chart: for each host a lane for each release, its states as bars, and what happens as lines across them. No script, nothing
 * from elsewhere; every text from outside is made harmless first and then escaped. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/pins_forecast.h"

#define SVG_SIZE_MAX ((size_t) 64 * 1024 * 1024)

enum {
    HOSTS_MAX = 200,   /* more can be looked at by nobody; those that lose a key come first */
    LANES_MAX = 30,    /* of one host */
    NOTES_MAX = 8,     /* sentences below its lanes */
    LABEL_MAX = 34,    /* characters */
    NOTE_MAX = 145, /* characters that fit into a line */
    LOSS_MAX = 122, /* bold ones */
    WIDTH = 1040, LEFT = 262, RIGHT = 20, TOP = 96, LANE = 22, BAR = 14, HEADING = 34, NOTE = 18, GAP = 14,
    TICKS_MAX = 14,
    DAY_S = 86400,
};

struct drawing {
    const struct forecast_run *run;
    struct buffer *out;
    int y;
};

static const char style[] =
    "<style>\n"
    ":root{--paper:#fff;--ink:#1b1f24;--faint:#57606a;--line:#d0d7de;--good:#2f7d4f;--none:#c62f3b;--doubt:#b07d10;--free:#c3cad1;--turn:#2563b8}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#12161b;--ink:#e8ecf0;--faint:#a0aab4;--line:#39424c;--good:#55b87f;--none:#ff6b73;--doubt:#e2b04a;--free:#4d5863;--turn:#7cb0ff}}\n"
    "text{font-family:system-ui,sans-serif;font-size:13px;fill:var(--ink)}\n"
    ".title{font-size:18px;font-weight:600}.host{font-size:14px;font-weight:600}.faint{fill:var(--faint);font-size:12px}.bad,.faint.bad{fill:var(--none);font-weight:600}\n"
    ".paper{fill:var(--paper)}.grid{stroke:var(--line);stroke-width:1}.lane{stroke:var(--line);stroke-width:1;stroke-dasharray:1 4}\n"
    ".accepted{fill:var(--good)}.not-pinned{fill:var(--free)}.no-key{fill:url(#none)}.cannot-tell{fill:url(#doubt)}\n"
    ".mark{stroke-width:2;fill:none}.loses{stroke:var(--none)}.rotation{stroke:var(--turn);stroke-dasharray:5 3}.certificate-ends,.ca-ends{stroke:var(--faint);stroke-dasharray:2 3}\n"
    "</style>\n";

/* Stripes and dots: the states differ without their colours, too. */
static const char patterns[] =
    "<defs>\n"
    "<pattern id=\"none\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
    "<rect width=\"8\" height=\"8\" fill=\"var(--none)\"/><rect width=\"3\" height=\"8\" fill=\"var(--paper)\" fill-opacity=\".45\"/></pattern>\n"
    "<pattern id=\"doubt\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
    "<rect width=\"8\" height=\"8\" fill=\"var(--doubt)\" fill-opacity=\".35\"/><circle cx=\"4\" cy=\"4\" r=\"2\" fill=\"var(--doubt)\"/></pattern>\n"
    "</defs>\n";

static const char *const state_words[] = {[FORECAST_NOT_LIVE] = "not in use", [FORECAST_NOT_PINNED] = "not pinned", [FORECAST_ACCEPTED] = "a key is accepted",
                                          [FORECAST_CANNOT_TELL] = "cannot be told", [FORECAST_NO_KEY] = "no acceptable key"};

/* ---- text */

static void add_escaped(struct buffer *out, struct span text) {
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.bytes[i];
        const char *name = byte == '&' ? "&amp;" : byte == '<' ? "&lt;" : byte == '>' ? "&gt;" : byte == '"' ? "&quot;" : byte == '\'' ? "&#39;" : NULL;
        if (name != NULL)
            buffer_add_text(out, name);
        else
            buffer_add(out, span_of(&byte, 1));
    }
}

/* At most so many characters of it, then an ellipsis. */
static void add_text(struct buffer *out, const char *text, size_t characters) {
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(SVG_SIZE_MAX);
    text_add_harmless(&harmless, span_of_text(text == NULL ? "" : text));
    size_t size = 0, count = 0;
    for (; size < harmless.size; size++) {
        bool begins = (harmless.bytes[size] & 0xc0) != 0x80;
        if (begins && count == characters)
            break;
        count += begins;
    }
    out->failed = out->failed || harmless.failed;
    out->has_no_memory = out->has_no_memory || harmless.has_no_memory;
    add_escaped(out, span_of(harmless.bytes, size));
    buffer_add_text(out, size < harmless.size ? "…" : "");
}

static void add_label(struct drawing *drawing, int x, int y, const char *kind, const char *text, size_t characters) {
    buffer_printf(drawing->out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, kind);
    add_text(drawing->out, text, characters);
    buffer_add_text(drawing->out, "</text>\n");
}

/* ---- time */

static double x_of(const struct drawing *drawing, int64_t time) {
    const struct forecast_question *question = &drawing->run->question;
    int64_t inside = time < question->from ? question->from : time > question->until ? question->until : time;
    return LEFT + (double) (WIDTH - LEFT - RIGHT) * (double) (inside - question->from) / (double) (question->until - question->from);
}

static unsigned number_at(const char *text, size_t size) {
    unsigned number = 0;
    for (size_t i = 0; i < size; i++)
        number = 10 * number + (unsigned) (text[i] - '0');
    return number;
}

/* The first of the month that is `months` after that of `time`. */
static int64_t month_after(int64_t time, unsigned months) {
    char text[RFC3339_SIZE];
    text_of_time(time, text);
    unsigned all = 12 * number_at(text, 4) + number_at(text + 5, 2) - 1 + months;
    return time_of_date(all / 12, all % 12 + 1, 1);
}

static void draw_tick(struct drawing *drawing, int64_t time, size_t characters, int bottom) {
    char room[RFC3339_SIZE];
    double x = x_of(drawing, time);
    buffer_printf(drawing->out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"grid\"/><text x=\"%.1f\" y=\"%d\" class=\"faint\" text-anchor=\"middle\">%.*s</text>\n", x,
                  TOP - 8, x, bottom, x, TOP - 14, (int) characters, forecast_day(time, room));
}

static void draw_axis(struct drawing *drawing, int bottom) {
    static const unsigned day_steps[] = {1, 2, 7, 14}, month_steps[] = {1, 2, 3, 6, 12, 24, 60, 120, 600, 1200};
    const struct forecast_question *question = &drawing->run->question;
    int64_t span = question->until - question->from;
    for (size_t i = 0; i < sizeof day_steps / sizeof day_steps[0]; i++) {
        int64_t step = (int64_t) day_steps[i] * DAY_S;
        if (span / step > 9)
            continue;
        for (int64_t time = question->from - question->from % DAY_S + step; time <= question->until; time += step)
            draw_tick(drawing, time, sizeof "2026-11-21" - 1, bottom);
        return;
    }
    size_t place = 0;
    while (place + 1 < sizeof month_steps / sizeof month_steps[0] && span / ((int64_t) month_steps[place] * 30 * DAY_S) > TICKS_MAX)
        place++;
    for (int64_t time = month_after(question->from, 1); time <= question->until; time = month_after(time, month_steps[place]))
        draw_tick(drawing, time, sizeof "2026-11" - 1, bottom);
}

/* ---- one host */

static void draw_bar(struct drawing *drawing, const struct forecast_line *line, size_t number) {
    const struct forecast_period *period = &line->periods[number];
    int64_t end = number + 1 < line->count ? line->periods[number + 1].from : drawing->run->question.until;
    char from[RFC3339_SIZE], until[RFC3339_SIZE];
    double x = x_of(drawing, period->from), width = x_of(drawing, end) - x;
    if (period->state == FORECAST_NOT_LIVE)
        return;
    buffer_printf(drawing->out, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\" class=\"%s\"><title>%s to %s: %s. ", x, drawing->y + (LANE - BAR) / 2, width < 2 ? 2 : width, BAR,
                  forecast_state_name(period->state), forecast_day(period->from, from), forecast_day(end, until), state_words[period->state]);
    add_text(drawing->out, period->judgement.why, NOTE_MAX);
    buffer_add_text(drawing->out, "</title></rect>\n");
}

static void draw_lane(struct drawing *drawing, const struct forecast_line *line) {
    const struct release *facts = line->release->release;
    const char *name = gate_release_name(line->release, drawing->run->rotation.arena);
    int middle = drawing->y + LANE / 2;
    buffer_printf(drawing->out, "<g><text x=\"16\" y=\"%d\">", middle + 4);
    add_text(drawing->out, name, facts != NULL && facts->has_share ? LABEL_MAX - 8 : LABEL_MAX);
    if (facts != NULL && facts->has_share)
        buffer_printf(drawing->out, " <tspan class=\"faint\">%.4g %%</tspan>", 100 * facts->share);
    buffer_add_text(drawing->out, "<title>");
    add_text(drawing->out, name, SIZE_MAX);
    buffer_printf(drawing->out, "</title></text>\n<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"lane\"/>\n", LEFT, middle, WIDTH - RIGHT, middle);
    for (size_t i = 0; i < line->count; i++)
        draw_bar(drawing, line, i);
    buffer_add_text(drawing->out, "</g>\n");
    drawing->y += LANE;
}

/* A loss across the lane of its release, what concerns the host across all; false: not drawn. */
static bool find_span(const struct drawing *drawing, const struct forecast_answer *answer, const struct forecast_event *event, int *top, int *bottom) {
    *bottom = drawing->y;
    if (event->kind != FORECAST_LOSES)
        return event->kind == FORECAST_ROTATES || event->kind == FORECAST_CERTIFICATE || event->kind == FORECAST_CA;
    for (int lane = 0; *top + lane * LANE < drawing->y; lane++)
        if (answer->lines[lane].release == event->release) {
            *top += lane * LANE;
            *bottom = *top + LANE;
            return true;
        }
    return false;
}

static void draw_mark(struct drawing *drawing, const struct forecast_answer *answer, const struct forecast_event *event, int top) {
    int bottom;
    char room[RFC3339_SIZE];
    double x = x_of(drawing, event->at);
    if (!find_span(drawing, answer, event, &top, &bottom))
        return;
    buffer_printf(drawing->out, "<path d=\"M%.1f %dV%d\" class=\"mark %s\"><title>%s: ", x, top, bottom, forecast_event_name(event->kind), forecast_day(event->at, room));
    add_text(drawing->out, event->what, NOTE_MAX);
    buffer_add_text(drawing->out, "</title></path>\n");
}

static const char *note_of(const struct drawing *drawing, const struct forecast_event *event, char room[RFC3339_SIZE]) {
    static const char *const words[] = {[FORECAST_LOSES] = "", [FORECAST_UNSURE] = "cannot be told: ", [FORECAST_CERTIFICATE] = "certificate ends: ", [FORECAST_CA] = "CA ends: ",
                                        [FORECAST_PINS] = "pins end: ", [FORECAST_ROTATES] = "rotation: ", [FORECAST_COMES_OUT] = "comes out: ", [FORECAST_ENDS] = "support ends: "};
    return arena_printf(drawing->run->rotation.arena, "%s  %s%s", forecast_day(event->at, room), words[event->kind], event->what);
}

static void draw_notes(struct drawing *drawing, const struct forecast_answer *answer) {
    size_t shown = answer->event_count < NOTES_MAX ? answer->event_count : NOTES_MAX;
    for (size_t i = 0; i < shown; i++) {
        char room[RFC3339_SIZE];
        drawing->y += NOTE;
        bool is_loss = answer->events[i].kind == FORECAST_LOSES;
        add_label(drawing, 30, drawing->y, is_loss ? "faint bad" : "faint", note_of(drawing, &answer->events[i], room), is_loss ? LOSS_MAX : NOTE_MAX);
    }
    if (answer->event_count > shown) {
        drawing->y += NOTE;
        buffer_printf(drawing->out, "<text x=\"30\" y=\"%d\" class=\"faint\">and %zu more</text>\n", drawing->y, answer->event_count - shown);
    }
}

static void draw_host(struct drawing *drawing, const struct forecast_answer *answer) {
    static const char *const verdicts[] = {[FORECAST_FINE] = "fine", [FORECAST_LOSS] = "loses a key", [FORECAST_UNKNOWN] = "cannot be told"};
    const char *name = forecast_service_text(&answer->service, drawing->run->rotation.arena);
    size_t lanes = answer->line_count < LANES_MAX ? answer->line_count : LANES_MAX;
    buffer_printf(drawing->out, "<g>\n<text x=\"16\" y=\"%d\" class=\"host\">", drawing->y + HEADING - 10);
    add_text(drawing->out, name, NOTE_MAX / 2);
    buffer_printf(drawing->out, " <tspan class=\"%s\">%s</tspan></text>\n", answer->verdict == FORECAST_LOSS ? "bad" : "faint", answer->line_count == 0 ? "not pinned" : verdicts[answer->verdict]);
    drawing->y += HEADING;
    int top = drawing->y;
    for (size_t i = 0; i < lanes; i++)
        draw_lane(drawing, &answer->lines[i]);
    for (size_t i = 0; i < answer->event_count; i++)
        draw_mark(drawing, answer, &answer->events[i], top);
    if (answer->line_count > lanes) {
        drawing->y += NOTE;
        buffer_printf(drawing->out, "<text x=\"16\" y=\"%d\" class=\"faint\">and %zu more releases</text>\n", drawing->y, answer->line_count - lanes);
    }
    draw_notes(drawing, answer);
    buffer_add_text(drawing->out, "</g>\n");
    drawing->y += GAP;
}

/* ---- all */

static int height_of(const struct forecast_run *run, size_t hosts) {
    int height = TOP;
    for (size_t i = 0; i < hosts; i++) {
        const struct forecast_answer *answer = run->ordered[i];
        size_t lanes = answer->line_count < LANES_MAX ? answer->line_count : LANES_MAX, notes = answer->event_count < NOTES_MAX ? answer->event_count : NOTES_MAX + 1;
        height += HEADING + (int) lanes * LANE + (int) notes * NOTE + GAP + (answer->line_count > lanes ? NOTE : 0);
    }
    return height + 2 * NOTE;
}

static void draw_legend(struct drawing *drawing) {
    static const enum forecast_state shown[] = {FORECAST_ACCEPTED, FORECAST_NO_KEY, FORECAST_CANNOT_TELL, FORECAST_NOT_PINNED};
    for (int i = 0; i < 4; i++)
        buffer_printf(drawing->out, "<rect x=\"%d\" y=\"46\" width=\"22\" height=\"12\" rx=\"2\" class=\"%s\"/><text x=\"%d\" y=\"57\" class=\"faint\">%s</text>\n", 16 + 165 * i,
                      forecast_state_name(shown[i]), 44 + 165 * i, state_words[shown[i]]);
    buffer_add_text(drawing->out, "<path d=\"M676 44V60\" class=\"mark loses\"/><text x=\"684\" y=\"57\" class=\"faint\">last key lost</text>\n"
                                  "<path d=\"M790 44V60\" class=\"mark rotation\"/><text x=\"798\" y=\"57\" class=\"faint\">rotation</text>\n"
                                  "<path d=\"M880 44V60\" class=\"mark certificate-ends\"/><text x=\"888\" y=\"57\" class=\"faint\">certificate ends</text>\n");
}

static void draw_summary(struct drawing *drawing) {
    const struct forecast_run *run = drawing->run;
    char from[RFC3339_SIZE], until[RFC3339_SIZE];
    buffer_printf(drawing->out, "<title id=\"title\">Forecast of pins, %s to %s</title>\n", forecast_day(run->question.from, from), forecast_day(run->question.until, until));
    buffer_printf(drawing->out, "<desc id=\"desc\">Of %zu hosts %zu have a release that loses the last key that it accepts, and of %zu it cannot be told.", run->count, run->loss_count, run->unknown_count);
    for (size_t i = 0; i < run->loss_count && i < HOSTS_MAX; i++) {
        char day[RFC3339_SIZE];
        buffer_add_text(drawing->out, " ");
        add_text(drawing->out, run->ordered[i]->service.host, NOTE_MAX);
        buffer_printf(drawing->out, " on %s.", forecast_day(run->ordered[i]->losses[0].at, day));
    }
    buffer_printf(drawing->out, "</desc>\n%s%s<rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n<text x=\"16\" y=\"28\" class=\"title\">Forecast of pins, %s to %s</text>\n", style, patterns, from, until);
}

result forecast_svg(const struct forecast_run *run, struct buffer *out) {
    size_t hosts = run->count < HOSTS_MAX ? run->count : HOSTS_MAX;
    struct drawing drawing = {.run = run, .out = out, .y = TOP};
    int height = height_of(run, hosts);
    buffer_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title desc\">\n", WIDTH, height, WIDTH, height);
    draw_summary(&drawing);
    draw_legend(&drawing);
    draw_axis(&drawing, height - 2 * NOTE);
    for (size_t i = 0; i < hosts; i++)
        draw_host(&drawing, run->ordered[i]);
    if (run->count > hosts)
        buffer_printf(out, "<text x=\"16\" y=\"%d\" class=\"faint\">and %zu more hosts, of which none loses a key sooner</text>\n", drawing.y + NOTE, run->count - hosts);
    buffer_add_text(out, "</svg>\n");
    return buffer_check(out);
}

/* ---- files */

static int refuse(const char *path, int code) {
    struct reason reason;
    (void) exit_with(reason_set(&reason, &fault_limit_reached, "%s: %s", path, strerrordesc_np(errno)), &reason);
    return code;
}

static bool write_all(int file, struct span bytes) {
    while (bytes.size > 0) {
        ssize_t count = write(file, bytes.bytes, bytes.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes = span_of(bytes.bytes + count, bytes.size - (size_t) count);
    }
    return true;
}

/* Beside it first: whoever shows the chart never sees half of it, and a full disk leaves the old one. What is no file (/dev/null) is left alone. */
static int replace(const char *path, struct span bytes, struct arena *arena) {
    char *other = arena_printf(arena, "%s.XXXXXX", path);
    struct stat there;
    if (other == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        struct reason reason;
        (void) exit_with(reason_set(&reason, &fault_limit_reached, "%s: is there, and is not a file that could be replaced", path), &reason);
        return EXIT_CREATE;
    }
    int file = mkostemp(other, O_CLOEXEC);
    if (file < 0)
        return refuse(path, EXIT_CREATE);
    mode_t mask = umask(0);
    (void) umask(mask);
    bool is_written = fchmod(file, 0666 & ~mask) == 0 && write_all(file, bytes);
    is_written = close(file) == 0 && is_written;
    if (is_written && rename(other, path) == 0)
        return EXIT_OK;
    int code = refuse(path, is_written ? EXIT_CREATE : EXIT_IO);
    (void) unlink(other);
    return code;
}

int forecast_draw(const struct forecast_run *run, const char *path) {
    CLEANUP(buffer_done) struct buffer out = buffer_with_limit(SVG_SIZE_MAX);
    result outcome = forecast_svg(run, &out);
    if (outcome != OK)
        return rotation_refused(outcome, NULL);
    if (strcmp(path, "-") == 0)
        return fwrite(out.bytes, 1, out.size, stdout) == out.size && fflush(stdout) == 0 ? EXIT_OK : EXIT_IO;
    return replace(path, buffer_span(&out), run->rotation.arena);
}

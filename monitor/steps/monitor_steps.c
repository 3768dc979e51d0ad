#include "steps/caa_verdict.h"

const struct monitor_step monitor_steps[] = {
    {"read the drill's file", 1000, step_read_drill},
    {"reload CA keys", 1000, step_reload_ca_keys},
    {"link CA keys", 5000, step_link_ca_keys},
    {"choose logs", 1000, step_choose_logs},
    {"reload watches", 500, step_reload_watches},
    {"hold leases", 5000, step_hold_leases},
    {"resolve issuers", 500, step_resolve_issuers},
    {"tell what waits to be judged", 1000, step_tell_unjudged},
    {"look again", 1000, step_look_again},
    {"poll CAA records", 200, step_poll_caa},
    {"judge by CAA", 1000, step_judge_caa},
    {"judge by pins", 1000, step_judge_pins},
    {"join reports of clients", 1000, step_join_reports},
    {"save the status", 1000, step_save_status},
    {"tell what was not recorded", 1000, step_tell_blindness},
    {"check the clock", 1000, step_check_clock},
    {"keep house", 24 * 3600 * 1000, step_keep_house},
};
const size_t monitor_step_count = sizeof monitor_steps / sizeof monitor_steps[0];

#include "wording/rules.h"

#include <string.h>

static const struct rule table[] = {
    {.name = "certificate.unexpected-issuer",
     .severity = "critical",
     .family = RULE_OF_CERTIFICATE,
     .title = "Unexpected issuer",
     .sentence = "{issuer} issued a certificate for {matched}, and your policy for {watch} does not expect that issuer.",
     .meaning = "The key that signed this certificate belongs to a certification authority outside your policy. Either somebody "
                "on your side uses another authority than agreed, or somebody else obtained a certificate for your name and can "
                "pose as you.",
     .steps = {"Ask whoever runs {matched} whether they ordered it, and compare the serial number {serial}.",
               "If it is yours: add the issuer or the key to the policy of {watch}, then acknowledge the finding.",
               "If it is not yours: report it to the authority at {report} and ask for revocation, with the SHA-256 {cert}.",
               "Then check who can change DNS records and web content of {matched}, and which CAA records it has: that is how "
               "such a certificate is obtained."}},
    {.name = "certificate.unknown-issuer",
     .severity = "warning",
     .family = RULE_OF_CERTIFICATE,
     .title = "Unknown issuer",
     .sentence = "A certificate for {matched} was issued by a key that pinwatch cannot attribute to an owner; it calls itself "
                 "{issuer_name}.",
     .meaning = "Your policy for {watch} names owners or CAA domains, and the table of CA keys has no entry for this issuer's key, "
                "or the issuer is not proven. That is neither an all-clear nor an accusation: an issuer's name alone proves nothing.",
     .steps = {"Ask whoever runs {matched} whether they ordered it, and compare the serial number {serial}.",
               "If it is yours: add the issuer's key {issuer_key} to the policy of {watch}.",
               "If it is not yours: find the authority by the issuer's certificate and report it, with the SHA-256 {cert}."}},
    {.name = "certificate.new",
     .severity = "info",
     .family = RULE_OF_CERTIFICATE,
     .title = "New certificate",
     .sentence = "{issuer} issued a new certificate for {matched}.",
     .meaning = "The certificate keeps to your policy for {watch}; you asked to hear of every new one.",
     .steps = {"If nobody on your side ordered it, treat it as unexpected and report it at {report}."}},
    {.name = "certificate.broad-name",
     .severity = "warning",
     .family = RULE_OF_CERTIFICATE,
     .title = "Certificate with a very broad name",
     .sentence = "{issuer} issued a certificate whose name {matched} would cover nearly every watch.",
     .meaning = "A name such as a wildcard directly under a public suffix, or one with an unreadable label, matches far more than "
                "one owner's names. No authority may issue that. It is reported once, not once for each watch.",
     .steps = {"Look at the certificate: pinwatch findings show {finding}.",
               "If the name covers yours, report it to the authority at {report}, with the SHA-256 {cert}."}},
    {.name = "entry.unreadable",
     .severity = "warning",
     .family = RULE_OF_ENTRY,
     .title = "Unreadable log entry",
     .sentence = "The log {log} holds an entry that cannot be read ({reason}), so nobody can tell whether it concerns your names.",
     .meaning = "Somebody could hide a certificate behind an encoding that breaks readers, which is why this is reported and not "
                "skipped. Most such entries are mistakes of an authority. The entry is kept as logged, and the log is read on.",
     .steps = {"Look at what is stored: pinwatch findings show {finding}.",
               "If it could be yours, decode it with another tool and ask the authority that issued it."}},
    {.name = "log.fork",
     .severity = "critical",
     .family = RULE_OF_LOG,
     .title = "Log contradicts itself",
     .sentence = "The log {log} signed a tree head that contradicts the entries it served before.",
     .meaning = "A log that shows different histories to different readers can hide certificates. Both sides of the contradiction "
                "are kept as signed evidence. The other logs are read on; this one is not, until the finding is resolved.",
     .steps = {"Look at the evidence: pinwatch findings show {finding}.",
               "Ask the operator {operator}, and tell the community (ct-policy@chromium.org) with the two heads.",
               "Treat what this log alone told you since its last verified head as unproven."}},
    {.name = "log.stale",
     .severity = "warning",
     .family = RULE_OF_LOG,
     .title = "Log shows old tree heads",
     .sentence = "The newest tree head of the log {log} is older than the log promised.",
     .meaning = "The log must include every certificate that it accepted within its maximum merge delay. While its head stands "
                "still, certificates may exist that no monitor can see.",
     .steps = {"Nothing on your side, usually: the operator {operator} must act.",
               "If pinwatch runs behind a proxy, see whether that proxy serves old answers."}},
    {.name = "log.behind",
     .severity = "warning",
     .family = RULE_OF_LOG,
     .title = "Falling behind a log",
     .sentence = "pinwatch cannot read the log {log} as fast as it grows.",
     .meaning = "New certificates in this log are noticed late, and the delay grows. Usually the log limits requests for each "
                "address; sometimes this machine or its line is too slow.",
     .steps = {"See the rate, the lag and the last error: pinwatch logs.",
               "If the log answers with 429, give a contact in the settings and ask the operator {operator} for a higher limit.",
               "If processors are busy throughout, give the machine more of them."}},
    {.name = "log.list-stale",
     .severity = "warning",
     .family = RULE_OF_SERVICE,
     .title = "Log list is out of date",
     .sentence = "The list of logs from {list} could not be refreshed and is out of date.",
     .meaning = "New logs are not followed while the list is old, so certificates that are only logged there would be missed.",
     .steps = {"See why: pinwatch doctor.", "Allow this machine to reach the list's address, directly or through a proxy."}},
    {.name = "log.unreachable",
     .severity = "warning",
     .family = RULE_OF_LOG,
     .title = "Log is unreachable",
     .sentence = "The log {log} has not answered for a long time.",
     .meaning = "Certificates that are only logged there are not seen until it answers again. Nothing is lost then: reading goes on "
                "where it stopped.",
     .steps = {"See the last error: pinwatch logs.", "If every log is unreachable, look at this machine's network, DNS and proxy: "
               "pinwatch doctor."}},
    {.name = "channel.failing",
     .severity = "critical",
     .family = RULE_OF_SERVICE,
     .title = "An alert channel fails",
     .sentence = "Alerts to the channel {channel} could not be delivered and were given up.",
     .meaning = "Whoever relies on that channel has not been told. The alerts are kept as dead letters and stay visible.",
     .steps = {"See what was not delivered, and why: pinwatch alerts list.",
               "Repair the channel, then try it: pinwatch alerts test {channel}."}},
    {.name = "channel.test",
     .severity = "notice",
     .family = RULE_OF_SERVICE,
     .title = "Test alert",
     .sentence = "This is a test: pinwatch can deliver alerts to you on this way.",
     .meaning = "Nothing happened. It was sent through the same queue and channel as a real alert.",
     .steps = {"Nothing."}},
    {.name = "",
     .severity = "warning",
     .family = RULE_OF_SERVICE,
     .title = "Finding",
     .sentence = "pinwatch raised the finding {rule}, for which this version of pinwatch-alerts has no words.",
     .meaning = "The part that finds is newer than the part that tells. The facts below are complete.",
     .steps = {"Look at the finding: pinwatch findings show {finding}.", "Update pinwatch-alerts to the version of the monitor."}},
};

const struct rule *rule_table(void) {
    return table;
}

const struct rule *rule_find(const char *name) {
    const struct rule *rule = table;
    while (rule->name[0] != '\0' && strcmp(rule->name, name) != 0)
        rule++;
    return rule;
}

"""What the replays of CAA polling share: the real service, with a watch, between two resolvers of fake_dns.py."""
import time

import fake_dns
import service as run
import test_log

SETTINGS = {"follows_caa": True, "caa_poll_seconds_least": 1, "caa_poll_seconds_most": 2}
ONE, TWO, THREE, FOUR = ([(0, "issue", name + ".example")] for name in ("one", "two", "three", "four"))
maker = test_log.Maker()


def told(service, rule, state=None):
    return [facts for _, is_state, facts in service.findings(rule) if state in (None, is_state)]


def runs(service, owner, resolver):
    return service.sql("SELECT outcome, why FROM caa_run WHERE owner = '%s' AND resolver = '%s' ORDER BY first_answered_at, last_answered_at" % (owner, resolver.name))


def asked_again(service, *resolvers, owner="example.com"):
    since = time.time()
    service.wait(lambda: all(resolver.count(owner, since) >= 1 for resolver in resolvers), 30, "%s is asked about again" % owner)
    time.sleep(1.2)  # the commit


def play(*parts, said):
    """Runs the parts, each with (service, resolver, another resolver), once example.com and www.example.com are polled through both."""
    def test():
        with fake_dns.Server({"example.com": ONE}, ttl=1) as a, fake_dns.Server({"example.com": ONE}, ttl=1, validates=True) as b:
            service = run.Service(None, SETTINGS)
            service.resolvers = [a.setting, b.setting]
            with service:
                service.watch_for("example.com", "www.example.com", authority=maker.authority)
                service.wait(lambda: service.number("SELECT count(*) FROM caa_now") == 6, 30, "three owners are polled through two resolvers")
                for part in parts:
                    part(service, a, b)
        return said
    run.main(test)

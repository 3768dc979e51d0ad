"""One fake clock for a whole service (a build with PINWATCH_TEST_CLOCK) and for the world around it.

The world's time passes faster or slower than ours; the machine's wall clock may be wrong by `skew_ms`; its monotonic clock follows
the world's time except while the machine sleeps.
"""
import email.utils
import http.server
import mmap
import struct
import tempfile
import threading
import time

import test_log

TICK = 0.01
AHEAD_MS = 3 * 86400000  # so that nobody takes our clock for it


class Clock(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.file = tempfile.NamedTemporaryFile(prefix="pinwatch-clock-")
        self.file.write(bytes(16))
        self.file.flush()
        self.page = mmap.mmap(self.file.fileno(), 16)
        self.path = self.file.name
        self.lock = threading.Lock()
        self.world_ms, self.monotonic_ms, self.skew_ms, self.rate = int(time.time() * 1000) + AHEAD_MS, 10 ** 9, 0, 1.0
        self.write()
        outer = self
        http.server.BaseHTTPRequestHandler.date_time_string = lambda self, timestamp=None: email.utils.formatdate(
            (timestamp or outer.world_ms / 1000), usegmt=True)
        self.start()

    def write(self):
        # Each half in one store: readers take them one by one.
        self.page[0:8] = struct.pack("=q", self.world_ms + self.skew_ms)
        self.page[8:16] = struct.pack("=q", self.monotonic_ms)

    def run(self):
        before = time.monotonic()
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            with self.lock:
                passed = int((now - before) * 1000 * self.rate)
                self.world_ms += passed
                self.monotonic_ms += passed
                self.write()
            before = now

    def pass_hours(self, hours, hours_per_second=2.0, until=lambda: False):
        """Lets so much time pass quickly, or less when `until` is true before."""
        end, slow = self.world_ms + hours * 3600000, self.rate
        self.rate = hours_per_second * 3600
        while self.world_ms < end and not until():
            time.sleep(TICK)
        self.rate = slow

    def sleep_machine(self, hours):
        with self.lock:
            self.world_ms += hours * 3600000
            self.write()

    def set_skew(self, hours):
        with self.lock:
            self.skew_ms = hours * 3600000
            self.write()


class Log(test_log.Log):
    """Signs its heads at the world's time, or at one that stands still."""

    clock = None  # of all
    still_ms = None

    @property
    def head_age_ms(self):
        return int(time.time() * 1000) - (self.still_ms or self.clock.world_ms)

    @head_age_ms.setter
    def head_age_ms(self, unused):
        pass

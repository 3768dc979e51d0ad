"""Fake clocks for a whole service (a build with PINWATCH_TEST_CLOCK), and for the world around it: both write the page that PINWATCH_CLOCK
names, wall and monotonic milliseconds.
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
    """The world's time passes faster or slower than ours; the machine's wall clock may be wrong by `skew_ms`; its monotonic clock follows
    the world's time except while the machine sleeps."""

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

    def jump(self, seconds):
        """So much time passes at once."""
        with self.lock:
            self.world_ms += seconds * 1000
            self.monotonic_ms += seconds * 1000
            self.write()

    def sleep_machine(self, hours):
        with self.lock:
            self.world_ms += hours * 3600000
            self.write()

    def set_skew(self, hours):
        with self.lock:
            self.skew_ms = hours * 3600000
            self.write()


class JumpingClock:
    """Runs like the real one, and jumps when told."""

    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(16))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 16)
        self.path, self.ahead_ms, self.beat = path, 0, None
        self.lock, self.is_over, self.next_jump = threading.Lock(), False, 0
        self.write()
        threading.Thread(target=self.run, daemon=True).start()

    def write(self):
        with self.lock:
            self.page[:] = struct.pack("=qq", self.wall_ms(), int(time.monotonic() * 1000) + self.ahead_ms)

    def run(self):
        while not self.is_over:
            if self.beat is not None and time.monotonic() >= self.next_jump:
                self.ahead_ms += self.beat[0] * 1000
                self.next_jump = time.monotonic() + self.beat[1]
            self.write()
            time.sleep(0.02)

    def wall_ms(self):
        return int(time.time() * 1000) + self.ahead_ms

    def jump(self, seconds):
        self.ahead_ms += int(seconds * 1000)
        self.write()

    def hurry(self, seconds, each):
        """From now on a jump of `seconds` after `each` real seconds; nobody notices more than that much silence at once."""
        self.beat = (seconds, each)

    def calm(self):
        self.beat = None


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

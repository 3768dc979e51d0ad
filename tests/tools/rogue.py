"""The service with another reader: copies of its programs in a folder of their own, with tools/rogue_reader.c as pinwatch-reader."""
import os
import shutil
import signal
import tempfile

import service as run


def skip_without(build):
    for name in ("pinwatch", "pinwatch-monitor", "pinwatch-alerts", "tests/rogue-reader"):
        if not os.access(os.path.join(build, name), os.X_OK):
            run.skip(os.path.join(build, name) + " is not built")


class Programs:
    """with Programs() as programs: from then on service.py starts these. programs.order("lies 8") before, or together with renew(service)."""

    def __init__(self):
        skip_without(run.BUILD)

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pinwatch-test-rogue-")
        self.reader = self.folder + "/pinwatch-reader"
        for name in ("pinwatch", "pinwatch-monitor", "pinwatch-alerts"):
            shutil.copy(os.path.join(run.BUILD, name), self.folder)
        shutil.copy(os.path.join(run.BUILD, "tests", "rogue-reader"), self.reader)
        run.PINWATCH = self.folder + "/pinwatch"
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.folder, ignore_errors=True)

    def order(self, text):
        with open(self.reader + ".orders", "w", encoding="ascii") as out:
            out.write(text + "\n")

    def use(self, program):
        """Another program in the reader's place."""
        os.unlink(self.reader)
        shutil.copy(program, self.reader)

    def renew(self, service, order):
        """All readers end and start again under this order."""
        self.order(order)
        old = {process.pid for process in service.readers()}
        for process in service.readers():
            service.kill(process, signal.SIGKILL)
        service.wait(lambda: len({process.pid for process in service.readers()} - old) >= 2, what="fresh readers")


def count_of(service, event):
    return service.text().count('"event":"%s"' % event)

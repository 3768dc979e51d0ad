"""Builds and runs every test; called by tests/run, which installs the packages. See tests/run --help."""
import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "fuzz"))
import fuzzing
JOBS = 2
SCRIPT_JOBS = 3  # scripts wait more than they work: two at once left half of two cores idle
SCRIPT_FOLDERS = ("chaos", "failing", "sql", "replay", "interop")
LONGEST_FIRST = ("chaos/short", "replay/vices-logs", "replay/service-caa-verdicts", "replay/database-attacks", "failing/service", "replay/service-readers",
                 "replay/service-hostile")  # begun last, one of them would run alone at the end
LONG_FORMS = {"chaos/run"}  # for people with time; what is beside them runs a short form
MEMORY_FOLDER, MEMORY_BYTES = "/dev/shm", 4 << 30
UNIT_SECONDS, SCRIPT_SECONDS, BUILD_SECONDS, FUZZ_SECONDS = 240, 480, 900, 2
FUZZ_SEED = 1  # always the same: a run must not fail by chance. New ones are for fuzz/run, which keeps what it finds
BUILDS = {  # name -> (compiler, CMake options, what to build)
    "gcc": ("gcc", ["-DPINWATCH_TEST_CLOCK=ON"], "all"),
    "sanitize": ("clang", ["-DPINWATCH_SANITIZE=ON", "-DPINWATCH_TEST_CLOCK=ON"], "all"),
    # Without the test clock's hooks: a fuzzer soon finds the words that make a reader crash on purpose.
    "fuzz": ("clang", ["-DPINWATCH_SANITIZE=ON", "-DPINWATCH_FUZZ=ON"], "fuzz"),
}


class Report:
    """What was run, and the counts; one line per job while it goes on."""

    def __init__(self):
        self.passed, self.failures, self.skipped = 0, [], []

    def add(self, name, results, log, seconds):
        """results: list of (test name, "passed" | "failed" | "skipped", words)."""
        counts = {state: sum(r[1] == state for r in results) for state in ("passed", "failed", "skipped")}
        self.passed += counts["passed"]
        self.failures += [(f"{name}: {r[0]}" if r[0] else name, r[2], log) for r in results if r[1] == "failed"]
        self.skipped += [(f"{name}: {r[0]}" if r[0] else name, r[2]) for r in results if r[1] == "skipped"]
        mark = "FAIL" if counts["failed"] else "skip" if counts["skipped"] and not counts["passed"] else "ok"
        words = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
        print(f"  {mark:4}  {name:44} {words:24} {seconds:6.1f} s", flush=True)
        if counts["failed"]:
            print_tail(log, 15)

    def finish(self, started):
        print(f"\n{time.monotonic() - started:.0f} s")
        for name, words in self.skipped:
            print(f"skipped: {name}: {words}")
        for name, words, log in self.failures:
            print(f"FAILED: {name}{': ' + words if words else ''}\n        log: {os.path.relpath(log, ROOT)}")
        end = f", {len(self.skipped)} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {len(self.failures)} failed{end}")
        return 1 if self.failures or self.passed == 0 else 0


def print_tail(log, count):
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\n") for line in file]
    wrong = [line for line in lines if re.search(r"^not ok|error|^#|FAILED|ERROR:|SUMMARY", line)][:count]
    for line in wrong or lines[-count:]:
        print("        | " + line[:300], flush=True)


def folder(*parts):
    path = os.path.join(ROOT, "build", *parts)
    os.makedirs(path, exist_ok=True)
    return path


live = set()  # process groups that are running
temporary = None  # a folder in memory


def stop(number, _frame):
    for group in list(live):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if temporary is not None:
        shutil.rmtree(temporary, ignore_errors=True)
    os._exit(128 + number)


def run(command, log, seconds, env=None, cwd=ROOT):
    """Exit status; the whole process group is ended when the time is over. A time-out gives None."""
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd,
                                 env={**os.environ, **(env or {})}, start_new_session=True)
        live.add(child.pid)
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        end_group(child)
    return status


def end_group(child):
    """Ends what the job left behind, so that nothing outlives the tests."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()
    live.discard(child.pid)


def read(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read()


def tap_results(text, status):
    """Results of a program that speaks TAP; planned tests that are missing, and a bad end, count as failed."""
    results, reason = [], ""
    for line in text.split("\n"):
        said = re.match(r"\s*skipped: (.*)", line)
        match = re.match(r"(not )?ok \d+ (?:- )?(.*)", line)
        if said:
            reason = said.group(1)
        elif match:
            skip = re.match(r"(.*?)\s*# SKIP\s*(.*)", match.group(2)) or None
            if skip:
                results.append((skip.group(1) or skip.group(2), "skipped", reason or skip.group(2)))
            else:
                results.append((match.group(2), "failed" if match.group(1) else "passed", ""))
            reason = ""
    plan = sum(int(n) for n in re.findall(r"^1\.\.(\d+)", text, re.M))
    missing = plan - len(results)
    if missing > 0 or not plan:
        ended = "timed out" if status is None else f"ended with {status}"
        results += [("did not run to its end", "failed", ended)] * max(missing, 1)
    elif status != 0 and not any(r[1] == "failed" for r in results):
        results.append(("exit status", "failed", "timed out" if status is None else f"ended with {status}"))
    return results


def script_results(text, status):
    """An executable test: 0 passed, 77 skipped, with what it said last."""
    lines = [line for line in text.split("\n") if line.strip()]
    words = lines[-1].strip()[:200] if lines else ""
    state = {0: "passed", 77: "skipped"}.get(status, "failed")
    return [("", state, "timed out" if status is None else words)]


def fuzz_results(text, status):
    """libFuzzer ends with 77 at a crash, so nothing but 0 is good."""
    found = re.findall(r"^.*(?:SUMMARY|deadly signal|libFuzzer: \w|files? replayed|inputs replayed|DONE).*$", text, re.M)
    words = found[-1].strip()[:200] if found else f"ended with {status}"
    return [("", "passed" if status == 0 else "failed", "timed out" if status is None else words)]


def environment(build_name):
    """What scripts and programs may rely on."""
    return {
        "CMOCKA_MESSAGE_OUTPUT": "TAP",
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PINWATCH_ROOT": ROOT,
        "PINWATCH_BUILD": os.path.join(ROOT, "build", "tests-" + build_name),
        "BUILD_FOLDER": os.path.join(ROOT, "build", "tests-" + build_name),
        "LC_ALL": "C.UTF-8",
    }


def memory_folder():
    """A folder for temporary files in memory where there is plenty, or None: dozens of clusters, made and thrown away, wait for no disk then."""
    try:
        place, with_rights = os.statvfs(MEMORY_FOLDER), os.access(MEMORY_FOLDER, os.W_OK)
        with open("/proc/meminfo", encoding="ascii") as file:
            free = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}["MemAvailable"]
    except (OSError, KeyError):
        return None
    is_good = with_rights and not place.f_flag & os.ST_NOEXEC and min(place.f_bavail * place.f_frsize, free / 2) > MEMORY_BYTES
    if not is_good or "TMPDIR" in os.environ:
        return None
    path = tempfile.mkdtemp(prefix="pwt-", dir=MEMORY_FOLDER)
    os.chmod(path, 0o1777)  # some tests run as another user
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def harnesses():
    return fuzzing.harnesses()


def build(name, report):
    """True when the build stands."""
    compiler, options, what = BUILDS[name]
    targets = "all" if what == "all" else " ".join(harnesses())
    path, log, started = folder("tests-" + name), os.path.join(folder("tests-logs"), f"build-{name}.log"), time.monotonic()
    configure = ["cmake", "-S", ROOT, "-B", path, "-G", "Ninja", f"-DCMAKE_C_COMPILER={compiler}",
                 f"-DCMAKE_ASM_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", *options]
    status = run(["sh", "-c", '"$@" && exec ninja -C ' + f"'{path}' -k0 -j{JOBS} {targets}", "build", *configure], log, BUILD_SECONDS)
    report.add(f"build/{name}", [("", "passed" if status == 0 else "failed", "does not build")], log, time.monotonic() - started)
    return status == 0


class Job:
    def __init__(self, name, command, seconds, judge, env):
        self.name, self.command, self.seconds, self.judge, self.env = name, command, seconds, judge, env

    def run(self):
        log = os.path.join(folder("tests-logs"), self.name.replace("/", "-") + ".log")
        started = time.monotonic()
        if not os.path.exists(self.command[0]) and "/" in self.command[0]:
            return self.name, [("", "failed", "was not built")], log_of_absence(log, self.command[0]), 0.0
        status = run(self.command, log, self.seconds, self.env)
        return self.name, self.judge(read(log), status), log, time.monotonic() - started


def log_of_absence(log, program):
    with open(log, "w", encoding="utf-8") as file:
        file.write(f"{program} was not built\n")
    return log


def unit_jobs(build_name):
    path = os.path.join(ROOT, "build", "tests-" + build_name, "tests")
    kind = "unit" if build_name == "gcc" else f"unit-{build_name}"
    wanted = {f"test_{os.path.basename(d)}_{f[5:-2]}" for d, _, files in os.walk(os.path.join(ROOT, "tests", "unit"))
              for f in files if f.startswith("test_") and f.endswith(".c")}
    for name in sorted(wanted):
        yield Job(f"{kind}/{name[5:]}", [os.path.join(path, name)], UNIT_SECONDS, tap_results, environment(build_name))


def script_jobs():
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    return sorted(all_script_jobs(), key=lambda job: rank.get(job.name, len(rank)))


def all_script_jobs():
    for kind in SCRIPT_FOLDERS:
        path = os.path.join(ROOT, "tests", kind)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            program = os.path.join(path, name)
            if os.path.isfile(program) and os.access(program, os.X_OK) and f"{kind}/{name}" not in LONG_FORMS:
                yield Job(f"{kind}/{name}", [program], SCRIPT_SECONDS, script_results, environment("gcc"))


def lint_jobs():
    build_option = ["--build", os.path.join(ROOT, "build", "tests-gcc")]
    lint = os.path.join(ROOT, "tests", "lint")
    yield Job("lint/run", [os.path.join(lint, "run"), *build_option], UNIT_SECONDS, tap_results, {})
    yield Job("lint/selftest", [os.path.join(lint, "selftest")], UNIT_SECONDS, tap_results, {})


def write_seeds():
    """A folder of seeds for each harness: its vectors, and the corpora that concern it (see tests/fuzz/fuzzing.py)."""
    for harness in harnesses():
        fuzzing.write_seeds(folder("tests-seeds"), harness)


def fuzz_jobs(is_sanitized):
    build_name = "fuzz" if is_sanitized else "gcc"
    for harness in harnesses():
        program = os.path.join(ROOT, "build", "tests-" + build_name, "fuzz", harness)
        found, seeds = folder("tests-found", harness), folder("tests-seeds", "seeds", harness)
        if is_sanitized:
            command = [program, f"-seed={FUZZ_SEED}", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2000", "-verbosity=0",
                       f"-max_len={fuzzing.SEED_SIZE_MAX}", f"-artifact_prefix={found}/crash-", found, seeds]
        else:
            command = ["find", seeds, "-type", "f", "-exec", program, "{}", "+"]
        yield Job(f"fuzz/{harness[5:]}", command, SCRIPT_SECONDS, fuzz_results, environment(build_name))
    shapes = [os.path.join(ROOT, "tests", "fuzz", "shapes"), os.path.join(ROOT, "build", "tests-gcc", "fuzz")]
    yield Job("fuzz/shapes", shapes, SCRIPT_SECONDS, script_results, {})


def run_jobs(jobs, report, at_once=JOBS):
    with ThreadPoolExecutor(at_once) as pool:
        for outcome in pool.map(Job.run, jobs):
            report.add(*outcome)


def main(arguments):
    global temporary
    is_fast = "--fast" in arguments
    only = re.compile(arguments[arguments.index("--only") + 1]) if "--only" in arguments else None
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    report, started, temporary = Report(), time.monotonic(), memory_folder()
    if temporary is not None:
        os.environ["TMPDIR"] = temporary
    wanted = lambda jobs: [job for job in jobs if only is None or only.search(job.name)]

    # A build that fails keeps what it could build: the rest is still tested, and what is missing fails.
    build("gcc", report)
    run_jobs(wanted(lint_jobs()), report)
    run_jobs(wanted(unit_jobs("gcc")), report)
    run_jobs(wanted(script_jobs()), report, SCRIPT_JOBS)
    late = [] if is_fast else wanted(unit_jobs("sanitize"))
    fuzz = wanted(fuzz_jobs(not is_fast))
    if late:
        build("sanitize", report)
    run_jobs(late, report)
    if fuzz:
        write_seeds()
    if fuzz and not is_fast:
        build("fuzz", report)
    run_jobs(fuzz, report)
    return report.finish(started)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

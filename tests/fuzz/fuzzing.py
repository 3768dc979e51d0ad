"""What the tools around the harnesses share: which there are, their builds, their seeds."""
import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUZZ = os.path.join(ROOT, "tests", "fuzz")
SEED_SIZE_MAX = 256 * 1024
SIZE_MAX = {}  # harness -> longest input that the engines try, where it is not the usual one
SIZE_MAX_USUAL = 64 * 1024
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "LC_ALL": "C.UTF-8",
}
BUILDS = {"libfuzzer": "clang", "afl": "afl-clang-fast"}


def folder(*parts):
    path = os.path.join(*parts)
    os.makedirs(path, exist_ok=True)
    return path


def read_text(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def harnesses(pattern=""):
    names = [source[:-2] for source in sorted(os.listdir(FUZZ)) if source.startswith("fuzz_") and source.endswith(".c")]
    return [name for name in names if re.search(pattern, name)]


def largest(harness):
    return SIZE_MAX.get(harness, SIZE_MAX_USUAL)


def build(work, engine):
    """Where the harnesses of an engine stand; built if something changed. Both engines take clang's -fsanitize=fuzzer."""
    path = os.path.join(work, "build-" + engine)
    if os.environ.get("FUZZ_NO_BUILD") and os.path.isdir(path):
        return path
    compiler = BUILDS[engine]
    configure = ["cmake", "-S", ROOT, "-B", path, "-G", "Ninja", f"-DCMAKE_C_COMPILER={compiler}",
                 f"-DCMAKE_ASM_COMPILER={'clang' if engine == 'afl' else compiler}", "-DPINWATCH_SANITIZE=ON",
                 "-DPINWATCH_FUZZ=ON"]
    for command in (configure, ["ninja", "-C", path, "-k0", "-j2", *harnesses()]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, "AFL_QUIET": "1"})
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}")
    return path


def write_seeds(work, harness):
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    import runner
    path = folder(work, "seeds", "all")
    if not os.listdir(path):
        for raw in runner.seed_inputs():
            put(path, raw)
    return path


def put(path, raw):
    file = os.path.join(path, hashlib.sha256(raw).hexdigest()[:20])
    if not os.path.exists(file):
        with open(file, "wb") as stream:
            stream.write(raw)


def share(queue, corpus):
    """Copies what AFL++ kept as new into libFuzzer's corpus."""
    for name in os.listdir(queue) if os.path.isdir(queue) else []:
        file = os.path.join(queue, name)
        if name.startswith("id:") and "+cov" in name and os.path.isfile(file):
            shutil.copyfile(file, os.path.join(corpus, hashlib.sha256(name.encode()).hexdigest()[:20]))

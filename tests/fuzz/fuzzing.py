"""What the tools around the harnesses share: which there are, their builds, their seeds."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile

import vectors

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPORA = os.path.join(ROOT, "..", "shared", "corpora")
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


def build(work, engine, is_wanted=True):
    """Where the harnesses of an engine stand; built if something changed. Both engines take clang's -fsanitize=fuzzer."""
    path = os.path.join(work, "build-" + engine)
    if not is_wanted:
        return path
    if shutil.which(BUILDS[engine]) is None:
        sys.exit(f"{BUILDS[engine]} is missing: it comes with Debian's package {'afl++' if engine == 'afl' else 'clang'}")
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


def directive(harness, name):
    """The words behind " * <name>: " in a harness: library (what it links), parser (the files under monitor/ or alerts/ that it is for),
    seeds (folders of tests/vectors), corpora (starts of paths in the corpora), prefix (hex bytes to put before each seed, several)."""
    found = re.findall(rf"^ \* {name}: ([^*\n]*)", read_text(os.path.join(FUZZ, harness + ".c")), re.M)
    return " ".join(found).split()


def parser_files(harness):
    """Absolute paths of what a harness is for."""
    for name in directive(harness, "parser"):
        for top in ("monitor", "alerts"):
            path = os.path.join(ROOT, top, name)
            if os.path.exists(path):
                yield path


def vector_inputs(folder_name):
    """Every input in tests/vectors/<folder_name>."""
    path = os.path.join(ROOT, "tests", "vectors", folder_name)
    for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
        file = os.path.join(path, name)
        if name.endswith(".vectors"):
            yield from vectors.inputs_of(read_text(file))
        elif not name.endswith(".out"):
            with open(file, "rb") as stream:
                yield stream.read()


def corpus_inputs(start):
    """Small files of the corpora whose path begins so, also those in archives."""
    for path, folders, names in os.walk(CORPORA):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(path, name)
            if not os.path.relpath(file, CORPORA).startswith(start):
                continue
            if name.endswith(".tar.xz"):
                yield from archived(file)
            elif os.path.getsize(file) <= SEED_SIZE_MAX:
                with open(file, "rb") as stream:
                    yield stream.read()


def archived(file):
    with tarfile.open(file) as archive:
        for member in archive:
            if member.isfile() and member.size <= SEED_SIZE_MAX:
                yield archive.extractfile(member).read()


def seeds(harness, with_corpora=True):
    """The inputs that a harness begins with: its vectors, and the corpora that concern it."""
    prefixes = [bytes.fromhex(text) for text in directive(harness, "prefix")] or [b""]
    for name in directive(harness, "seeds"):
        for raw in vector_inputs(name):
            yield from (prefix + raw for prefix in prefixes)
    for start in directive(harness, "corpora") if with_corpora else []:
        for raw in corpus_inputs(start):
            yield from (prefix + raw for prefix in prefixes)


def write_seeds(work, harness, with_corpora=True):
    """A folder with the seeds, and nothing else in it."""
    path = folder(work, "seeds", harness)
    stale = set(os.listdir(path))
    for raw in seeds(harness, with_corpora):
        stale.discard(put(path, raw))
    for name in stale:
        os.remove(os.path.join(path, name))
    return path


def put(path, raw):
    file = os.path.join(path, hashlib.sha256(raw).hexdigest()[:20])
    if not os.path.exists(file):
        with open(file, "wb") as stream:
            stream.write(raw)
    return os.path.basename(file)


def share(queue, corpus):
    """Copies what AFL++ kept as new into libFuzzer's corpus."""
    for name in os.listdir(queue) if os.path.isdir(queue) else []:
        file = os.path.join(queue, name)
        if name.startswith("id:") and "+cov" in name and os.path.isfile(file):
            shutil.copyfile(file, os.path.join(corpus, hashlib.sha256(name.encode()).hexdigest()[:20]))

"""The checks. Each takes a Tree and yields (file, line, sentence) for what breaks its rule."""
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import c_source

FOLDERS = {  # folder -> what it may include besides itself (DESIGN: includes point only left)
    "base": "",
    "formats": "base",
    "rules": "base formats",
    "net": "base formats rules",
    "store": "base formats rules",
    "settings": "base",
    "supervisor": "base settings",
    "reader": "base formats rules",
    "steps": "base formats rules net store settings",
    "reports": "base formats rules reader store settings",
    "drill": "base formats rules net settings",
    "cli": "base formats rules net store settings supervisor steps drill",
    "console": "base net store settings",
    "wording": "base",
    "channels": "base net store settings wording",
    "alerts": "base net store settings wording channels",
}
LIBRARIES = {  # start of a system header -> the folders that may use it
    "libpq": "store",
    "curl/": "net channels cli",
    "ares": "net",
    "event2/": "net store steps drill reports console channels alerts cli supervisor",
    "seccomp.h": "reader",
    "systemd/": "supervisor",
    "libdeflate.h": "reader drill formats",
    "libxml/": "formats",
}
WITHOUT_CLOCK = ("formats", "rules")

BANNED = {
    "strcpy": "", "strcat": "", "sprintf": "", "vsprintf": "", "gets": "", "alloca": "", "system": "", "popen": "",
    "strtok": "", "strtok_r": "", "atoi": "", "atol": "", "atoll": "", "atof": "",
    "strtol": "", "strtoul": "", "strtoll": "", "strtoull": "", "strtod": "", "strtof": "", "strtold": "",
    "strtoimax": "", "strtoumax": "",
    "scanf": "", "sscanf": "", "fscanf": "", "vscanf": "", "vsscanf": "", "vfscanf": "",
    "rand": "", "srand": "", "random": "", "srandom": "",
    "malloc": "base", "calloc": "base", "realloc": "base", "reallocarray": "base", "free": "base", "strdup": "base",
    "strndup": "base", "asprintf": "base", "vasprintf": "base",
    "time": "base", "gettimeofday": "base", "ftime": "base",
}  # name -> folders that may call it

CLOCKS = re.compile(r"\bCLOCK_(?:REALTIME|MONOTONIC|BOOTTIME|TAI)\w*")  # how long a process computed is no secret
FUNCTION_LINES, COMPLEXITY, PARAMETERS, NESTING, C_LINES, H_LINES, SCRIPT_LINES = 80, 15, 6, 3, 600, 150, 600
TABLE_FILES = "tests/lint/table-files"
MUTABLE_SECTIONS = re.compile(r"\.(?:data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*")
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|tmp/build)(?![\w-])")
MARKS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
SQL_CLOCK = re.compile(r"\bnow\s*\(\s*\)|\bclock_timestamp\s*\(|\bcurrent_(?:timestamp|date|time)\b", re.I)


class Tree:
    """The files of a clone, read once. `build` holds a finished build, or is None."""

    def __init__(self, root, build=None):
        self.root, self.build, self.texts = root, build, {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if f != "__pycache__" and not f.startswith("build")
                                and (f == ".ci" or not f.startswith(".")))
            for name in sorted(names):
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    self.texts[os.path.relpath(path, root)] = self.read(path)

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            raw = file.read()
        return None if b"\0" in raw else raw.decode("utf-8", "replace")

    def product(self, *endings):
        return [(name, text) for name, text in self.texts.items()
                if text is not None and name.startswith(("monitor/", "alerts/")) and name.endswith(endings)]

    def sources(self):
        """The C of the programs and of their tests."""
        return [(name, text) for name, text in self.texts.items()
                if text is not None and name.startswith(("monitor/", "alerts/", "tests/")) and name.endswith((".c", ".h"))]

    def written(self):
        """Everything that people wrote: not the vectors, and not the checks, which must name what they look for."""
        return [(name, text) for name, text in self.texts.items()
                if text is not None and not name.startswith(("tests/vectors/", "tests/lint/"))]


def folder_of(name):
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else parts[0]


def includes(text):
    for number, line in enumerate(c_source.strip(text).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(?:<([^>]*)>|")', line)
        if match:
            raw = text.split("\n")[number - 1]
            quoted = re.search(r'"([^"]*)"', raw) if match.group(1) is None else None
            yield number, match.group(1), quoted.group(1) if quoted else None


def include_matrix(tree):
    counts = {}
    for name, text in tree.product(".c", ".h"):
        for _, _, quoted in includes(text):
            if quoted and "/" in quoted:
                pair = folder_of(name), quoted.split("/")[0]
                counts[pair] = counts.get(pair, 0) + 1
    return counts


def print_matrix(tree):
    counts = include_matrix(tree)
    used = [f for f in FOLDERS if any(f in pair for pair in counts)]
    print("  includes: row uses column")
    print("  %-11s" % "" + "".join("%9s" % f[:8] for f in used))
    for row in used:
        print("  %-11s" % row + "".join("%9s" % (counts.get((row, column)) or ".") for column in used))


def includes_point_left(tree):
    for name, text in tree.product(".c", ".h"):
        folder = folder_of(name)
        allowed = FOLDERS.get(folder, "").split() + [folder]
        if folder not in FOLDERS:
            yield name, 1, f"folder {folder} is not in the table of folders"
            continue
        for line, system, quoted in includes(text):
            target = (quoted or "").split("/")[0]
            if quoted is not None and target not in allowed:
                yield name, line, f'{folder} includes "{quoted}"; it may include {" ".join(allowed)}'
            if quoted == "base/clock.h" and folder in WITHOUT_CLOCK:
                yield name, line, f"{folder} asks for the time; take it as a parameter"
            for start, users in LIBRARIES.items():
                if system is not None and system.startswith(start) and folder not in users.split():
                    yield name, line, f"{folder} includes <{system}>; only {users} may"


def no_banned_calls(tree):
    call = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
    for name, text in tree.product(".c", ".h"):
        code = c_source.without_directives(c_source.strip(text))
        for match in call.finditer(code):
            if folder_of(name) not in BANNED[match.group(1)].split():
                yield name, code.count("\n", 0, match.start()) + 1, f"calls {match.group(1)}"
        for match in CLOCKS.finditer(code):
            if folder_of(name) != "base":
                yield name, code.count("\n", 0, match.start()) + 1, f"asks {match.group(0)} itself; base/clock.h knows"


def no_function_calls_itself(tree):
    for name, text in tree.product(".c", ".h"):
        for function in c_source.functions(text):
            if function.calls_itself():
                yield name, function.line, f"{function.name} calls itself; use a loop with a limit"


def functions_are_small(tree):
    for name, text in tree.sources():
        for function in c_source.functions(text):
            for what, value, limit in (("lines", function.lines, FUNCTION_LINES),
                                       ("complexity", function.complexity(), COMPLEXITY),
                                       ("parameters", function.parameter_count(), PARAMETERS),
                                       ("nesting", function.nesting(), NESTING)):
                if value > limit:
                    yield name, function.line, f"{function.name}: {what} {value}, limit {limit}"


def is_script(name, text):
    return name.endswith((".py", ".sh")) or re.match(r"#!.*\b(?:python3?|bash|sh)\b", text) is not None


def files_are_small(tree):
    tables = set((tree.texts.get(TABLE_FILES) or "").split())
    scripts = [(name, text) for name, text in tree.texts.items() if text is not None and is_script(name, text)]
    for name, text in tree.sources() + scripts:
        limit = H_LINES if name.endswith(".h") else C_LINES if name.endswith(".c") else SCRIPT_LINES
        lines = text.count("\n")
        if lines > limit and name not in tables:
            yield name, limit, f"{lines} lines, limit {limit}"
    for name in sorted(tables):
        if name not in tree.texts:
            yield TABLE_FILES, 1, f"{name} does not exist"


def compiler_says(tree, names, source_of, options):
    """(name, outcome of the compiler) for each of names; nothing is written."""
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-I" + os.path.join(tree.root, "monitor"), "-I" + os.path.join(tree.root, "alerts")]
    found = subprocess.run(["pg_config", "--includedir"], capture_output=True, text=True) if _has("pg_config") else None
    flags += ["-isystem", found.stdout.strip() if found and found.returncode == 0 else "/usr/include/postgresql"]

    def compile_one(name):
        return name, subprocess.run(["cc", *flags, *options, "-fsyntax-only", "-x", "c", "-"],
                                    input=source_of(os.path.join(tree.root, name)), capture_output=True, text=True)

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(compile_one, names)


def headers_compile_alone(tree):
    names = [name for name, _ in tree.product(".h")]
    for name, done in compiler_says(tree, names, lambda path: f'#include "{path}"\n' * 2, ["-Wall", "-Wextra", "-Werror"]):
        if done.returncode != 0:
            yield name, 1, "does not compile alone: " + (done.stderr.strip().split("\n") or [""])[0]


def no_array_sized_by_input(tree):
    names = [name for name, _ in tree.product(".c")]
    defines = [f'-DPINWATCH_{word}="x"' for word in ("VERSION", "INSTALL_LIBEXEC", "INSTALL_DATA")]
    for name, done in compiler_says(tree, names, lambda path: f'#include "{path}"\n', ["-Wvla", *defines]):
        for match in re.finditer(r":(\d+):\d+: warning: [^\n]*\[-Wvla", done.stderr):
            yield name, int(match.group(1)), "an array whose size is known only at run time"


def _has(program):
    return any(os.access(os.path.join(p, program), os.X_OK) for p in os.environ.get("PATH", "").split(os.pathsep))


def no_mutable_global(tree):
    if tree.build is None:
        return
    for folder, _, names in os.walk(os.path.join(tree.build, "CMakeFiles")):
        if not re.search(r"CMakeFiles/(?!test_|fuzz_|CMake)", folder):
            continue
        for name in names:
            if name.endswith(".o"):
                yield from _mutable_symbols(os.path.join(folder, name))


def _mutable_symbols(path):
    table = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True).stdout
    for line in table.split("\n"):
        match = re.match(r"[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+ (?:\.hidden )?(\S+)$", line)
        if match and match.group(1)[0] in "gu" and MUTABLE_SECTIONS.match(match.group(2)):
            yield os.path.basename(path), 0, f"{match.group(3)} can be changed by everybody ({match.group(2)})"


def sql_takes_time_as_parameter(tree):
    def asks(text):
        for match in SQL_CLOCK.finditer(text):
            start = text.rfind(";", 0, match.start()) + 1
            end = text.find(";", match.end())
            if not re.search("lease|claim", text[start:end if end >= 0 else len(text)], re.I):
                yield text.count("\n", 0, match.start()) + 1, match.group(0)

    for name, text in tree.texts.items():
        if text is not None and name.startswith("sql/") and name.endswith(".sql"):
            for line, what in asks(re.sub(r"--[^\n]*", "", text)):
                yield name, line, f"{what}: take the time as a parameter; only leases and claims may ask"
    for name, text in tree.product(".c", ".h"):
        for line, string in c_source.strings(text):
            for _, what in asks(string):
                yield name, line, f"{what} in a statement: take the time as a parameter; only leases and claims may ask"


def no_machine_paths(tree):
    yield from _grep(tree, MACHINE_PATH, "names a place of one machine")


def no_marks(tree):
    yield from _grep(tree, MARKS, "leaves work for later")


def _grep(tree, pattern, sentence):
    for name, text in tree.written():
        for number, line in enumerate(text.split("\n"), 1):
            match = pattern.search(line)
            if match:
                yield name, number, f"{match.group(0)}: {sentence}"


def scripts_parse(tree):
    for name, text in tree.texts.items():
        first = text.split("\n", 1)[0] if text and text.startswith("#!") else ""
        path = os.path.join(tree.root, name)
        shell = re.search(r"\b(bash|sh)\b", first)
        if shell:
            done = subprocess.run([shell.group(1), "-n", path], capture_output=True, text=True)
            if done.returncode != 0:
                yield name, 1, done.stderr.strip().split("\n")[0]
        if text and (name.endswith(".py") or "python" in first):
            try:
                compile(text, name, "exec")
            except SyntaxError as error:
                yield name, error.lineno or 1, str(error.msg)


CHECKS = (includes_point_left, no_banned_calls, no_function_calls_itself, functions_are_small, files_are_small,
          headers_compile_alone, no_array_sized_by_input, no_mutable_global, sql_takes_time_as_parameter, no_machine_paths, no_marks, scripts_parse)

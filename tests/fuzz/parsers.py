"""How long each parser was fuzzed, by whichever harness.

Several harnesses run the same parser: whoever reads a leaf reads its certificate, names and times too. The rule: a harness counts for a
parser's file, with all of its CPU time, when its seeds alone reach at least 80 % of that file's lines (those that only failing memory reaches
left out). Nothing is shared out: a minute of `leaf` is a minute for each file that it runs so, because each input goes through all of them; what
runs less of a file counts for nothing. The tool `coverage` measures and leaves it in <work>/reach.json; what it has not measured counts for nothing."""
import json
import os

import fuzzing

LEAST_SHARE = 80  # per cent of a parser's lines


def files():
    """Path of each parser's file, as in the sources -> the harnesses that name it as theirs."""
    found = {}
    for harness in fuzzing.harnesses():
        for path in fuzzing.parser_files(harness):
            found.setdefault(os.path.relpath(path, fuzzing.ROOT), []).append(harness)
    return found


def reach_file(work):
    return os.path.join(work, "reach.json")


def keep_json(path, rows):
    """Rows beside, or instead of, those that are there."""
    known = fuzzing.read_text(path)
    rows = {**(json.loads(known) if known else {}), **rows}
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1, sort_keys=True)
    os.replace(path + ".new", path)


class Parsers:
    """Which harness counts for which files, and what each file has had so far."""

    def __init__(self, work):
        known = fuzzing.read_text(reach_file(work))
        shares, own, harnesses = json.loads(known) if known else {}, files(), set(fuzzing.harnesses())
        self.harnesses_of = {path: sorted(harness for harness, reached in shares.items() if harness in harnesses and reached.get(path, 0) >= LEAST_SHARE)
                             for path in own}
        self.files_of = {harness: [path for path, counting in self.harnesses_of.items() if harness in counting] for harness in harnesses}

    def seconds(self, path, spent):
        """Of all harnesses that count; `spent`: (harness, seconds)."""
        return sum(seconds for harness, seconds in spent if harness in self.harnesses_of[path])

    def wants(self, harness, spent):
        """Seconds of the file with the least among those that a harness counts for; None where it counts for none."""
        return min((self.seconds(path, spent) for path in self.files_of.get(harness, ())), default=None)

    def table(self, times):
        spent = [(key.split()[0], row["cpu_s"]) for key, row in times.rows.items()]
        rows = sorted((self.seconds(path, spent) / 60, path) for path in self.harnesses_of)
        lines = [f"{'parser':40} {'CPU min':>8}  harnesses whose seeds reach {LEAST_SHARE} % of its lines"]
        for minutes, path in rows:
            counting = [harness[5:] for harness in self.harnesses_of[path]]
            shown = ", ".join(counting[:4]) + (f" and {len(counting) - 4} more" if len(counting) > 4 else "")
            lines.append(f"{path:40} {minutes:8.1f}  {shown or 'none'}")
        enough = sum(minutes >= 20 for minutes, _ in rows)
        lines.append(f"{enough} of {len(rows)} files have had 20 CPU minutes")
        return "\n".join(lines)

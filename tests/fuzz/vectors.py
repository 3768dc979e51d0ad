"""Vectors as text: tests/vectors/<format>/*.vectors. The notation stands in tests/vector_text.h; tests/vector_notation.c reads
the same."""
import base64
import re

TOKEN = re.compile(r"""\s+ | (?P<text>"(?:[^"\\]|\\.)*") | b64(?P<base64>\() | (?P<tag>[0-9a-f]{2})\{ | (?P<width>[1-8])< |
                       (?P<close>[}>)]) | (?P<times>\*\d+) | (?P<hex>(?:[0-9a-f]{2}\ +)+|[0-9a-f]{2})""", re.X)
PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\$([a-z_]+)')
ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", '"': b'"', "\\": b"\\"}


def der(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def text_of(token):
    return re.sub(rb"\\(.)", lambda m: ESCAPES[m.group(1).decode()], token[1:-1].encode())


def closed(kind, argument, content):
    if kind == "tag":
        return der(int(argument, 16), content)
    return len(content).to_bytes(int(argument), "big") + content if kind == "width" else base64.b64encode(content)


def bytes_of(notation):
    stack, at = [(None, None, [])], 0
    while at < len(notation):
        match = TOKEN.match(notation, at)
        if not match:
            raise ValueError(f"not understood: {notation[at:at + 30]}")
        at, parts = match.end(), stack[-1][2]
        kind, token = match.lastgroup, match.group(match.lastgroup) if match.lastgroup else ""
        if kind == "text":
            parts.append(text_of(token))
        elif kind == "hex":
            parts.append(bytes.fromhex(token))  # a run only where blanks follow each: what X*N repeats stands alone
        elif kind == "times":
            parts[-1] *= int(token[1:])
        elif kind == "close":
            opened = stack.pop()
            stack[-1][2].append(closed(opened[0], opened[1], b"".join(opened[2])))
        elif kind:
            stack.append((kind, token, []))
    if len(stack) != 1:
        raise ValueError(f"not closed: {notation[:60]}")
    return b"".join(stack[0][2])


def inputs_of(text):
    """The inputs of a file of vectors, in order."""
    lines, pieces = [], {}
    for line in text.split("\n"):
        if line.startswith(" ") and lines:
            lines[-1] += line
        else:
            lines.append(line)
    for line in lines:
        expanded = PIECE.sub(lambda m: m.group(0) if m.group(1) is None else pieces[m.group(1)], line)
        if line.startswith("let "):
            name, _, notation = expanded[4:].partition(" ")
            pieces[name] = " " + notation
        elif line.startswith("in"):
            yield bytes_of(expanded[2:])

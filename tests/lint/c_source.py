"""A C file cut into what the checks need: text without comments and strings, functions, tokens. No full parser."""
import re

_PIECES = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match):
    """Keeps newlines and length, so that lines and columns stay true."""
    piece = match.group(0)
    hidden = re.sub(r"[^\n]", " ", piece)
    return piece[0] + hidden[1:-1] + piece[0] if piece[0] in "\"'" else hidden


def strip(text):
    """The text with comments and the insides of strings blanked."""
    return _PIECES.sub(_blank, text)


def strings(text):
    """(line, string) of every string literal."""
    for match in _PIECES.finditer(text):
        if match.group(0)[0] == '"':
            yield text.count("\n", 0, match.start()) + 1, match.group(0)[1:-1]


def without_directives(stripped):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), stripped, flags=re.M)


def closing(text, start):
    """Index of the bracket that closes the one at start; len(text) when none does."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opened, closed, depth = text[start], pairs[text[start]], 0
    for i in range(start, len(text)):
        if text[i] == opened:
            depth += 1
        elif text[i] == closed:
            depth -= 1
            if depth == 0:
                return i
    return len(text)


class Function:
    def __init__(self, name, parameters, body, line, lines):
        self.name, self.parameters, self.body, self.line, self.lines = name, parameters, body, line, lines

    def parameter_count(self):
        if self.parameters.strip() in ("", "void"):
            return 0
        depth, commas = 0, 0
        for c in self.parameters:
            depth += (c in "([") - (c in ")]")
            commas += c == "," and depth == 0
        return commas + 1

    def complexity(self):
        """Paths as in McCabe; a switch counts once, however many cases it has."""
        return 1 + len(re.findall(r"\b(?:if|for|while|switch)\b|&&|\|\||\?", self.body))

    def nesting(self):
        tokens = re.findall(r"[A-Za-z_]\w*|[^\s\w]", self.body)
        return _Nesting(tokens).deepest

    def calls_itself(self):
        return re.search(r"(?<![\w.>])%s\s*\(" % re.escape(self.name), self.body) is not None


class _Nesting:
    """Walks statements and notes how deep control statements stand in each other; `else if` is one step, not two."""

    def __init__(self, tokens):
        self.tokens, self.at, self.deepest = tokens, 0, 0
        while self.at < len(tokens):
            self.statement(0)

    def token(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def skip_group(self, opened, closed):
        depth = 0
        while self.at < len(self.tokens):
            depth += (self.token() == opened) - (self.token() == closed)
            self.at += 1
            if depth == 0:
                return

    def statement(self, depth):
        word = self.token()
        if word == "{":
            self.at += 1
            while self.at < len(self.tokens) and self.token() != "}":
                self.statement(depth)
            self.at += 1
        elif word in ("if", "for", "while", "switch") or ("foreach" in word and word[0].isalpha()):
            self.control(depth + 1)
        elif word == "do":
            self.at += 1
            self.deepest = max(self.deepest, depth + 1)
            self.statement(depth + 1)
            self.plain()
        elif word in ("case", "default"):
            while self.at < len(self.tokens) and self.token() != ":":
                self.at += 1
            self.at += 1
        else:
            self.plain()

    def control(self, depth):
        self.deepest = max(self.deepest, depth)
        self.at += 1
        self.skip_group("(", ")")
        self.statement(depth)
        if self.token() == "else":
            self.at += 1
            if self.token() == "if":
                self.control(depth)
            else:
                self.statement(depth)

    def plain(self):
        while self.at < len(self.tokens) and self.token() not in (";", "}"):
            if self.token() == "(":
                self.skip_group("(", ")")
            elif self.token() == "{":
                self.skip_group("{", "}")
            else:
                self.at += 1
        if self.token() != "}":
            self.at += 1


def without_attributes(code):
    """The code with every __attribute__((...)) as one word of the same length, so that it does not pass for a function's name."""
    position = 0
    while (start := code.find("__attribute__", position)) >= 0:
        opened = code.find("(", start)
        if opened < 0:
            break
        position = closing(code, opened) + 1
        code = code[:start] + re.sub(r"[^\n]", "_", code[start:position]) + code[position:]
    return code


_HEAD = re.compile(r"^(?!\s|#|\}|typedef\b|struct\s+\w+\s*\{|enum\b|union\b)[^;{}=]*?\b(\w+)\s*\(", re.M)


def functions(text):
    """The functions that are defined in text. A head starts in the first column, as everywhere in this tree."""
    code = without_attributes(without_directives(strip(text)))
    position = 0
    while True:
        head = _HEAD.search(code, position)
        if head is None:
            return
        opened = head.end() - 1
        after = closing(code, opened) + 1
        brace = re.compile(r"\s*\{").match(code, after)
        if brace is None:
            position = after
            continue
        end = closing(code, brace.end() - 1)
        line = code.count("\n", 0, head.start()) + 1
        lines = code.count("\n", head.start(), end) + 1
        yield Function(head.group(1), code[opened + 1:after - 1], code[brace.end():end], line, lines)
        position = end

# SPDX-License-Identifier: Apache-2.0
"""c_source.py: what the checkers share: the files of the tree, C without its comments, and TAP lines.

The lexer knows comments, string and character literals and line splices, which is all that the checks need; it does not know
the preprocessor. Stripped text keeps its line numbers and columns: what is taken out becomes spaces."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE_FOLDERS = ("include", "src", "tests", "fuzz", "examples", "bench", "tools")
TOKENS = re.compile(
    r"""(?P<comment>/\*.*?\*/|//(?:\\\n|[^\n])*)|(?P<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.DOTALL)


def find(folders, *suffixes):
    """Files below the folders, sorted; nothing from hidden folders or caches."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
            if path.is_file() and path.suffix in suffixes and not hidden:
                found.append(path)
    return found


def name(path):
    return str(path.relative_to(ROOT))


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def strip(text, literals=True):
    """The text without comments and, unless told otherwise, with empty string and character literals."""

    def replace(match):
        if match.lastgroup == "comment":
            return blank(match.group())
        if not literals:
            return match.group()
        return match.group()[0] + blank(match.group()[1:-1]) + match.group()[-1]

    return TOKENS.sub(replace, text)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(text):
    """(line, quote, path) of every include, those in comments left out."""
    stripped = strip(text, literals=False)
    for match in INCLUDE.finditer(stripped):
        yield stripped.count("\n", 0, match.start()) + 1, match.group(1), match.group(2)


class Tap:
    """One line a check, the complaints below it; the plan at the end."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, what, complaints):
        complaints = list(complaints)
        self.count += 1
        self.failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {what}")
        for complaint in complaints:
            print(f"#   {complaint}")

    def skip(self, what, why):
        self.count += 1
        print(f"ok {self.count} - {what} # SKIP {why}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0

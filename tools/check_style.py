#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_style.py: is the tree written the way docs/STYLE.md says?

    tools/check_style.py

What a compiler and clang-format do not see, as TAP: the licence line and the essay of each file, budgets, names, and the calls
that a library must not make. Each table below says why its rows are there. It reads text with comments and literals taken out
(c_source.py), so a banned word in a comment is nobody's business but the reader's."""
import re
import statistics
import sys

from c_source import CODE_FOLDERS, ROOT, Tap, find, name, strip

PROGRAMS = ("src/cli/", "src/hub/", "src/serve/", "src/lab/")

# (names, the one file or folder that may, why). Checked in all of src/.
BANNED_EVERYWHERE = [
    ("malloc calloc realloc free strdup strndup aligned_alloc posix_memalign reallocarray alloca", ["src/base/alloc.c"],
     "memory comes from base/alloc.h, so that a test can make it fail"),
    ("asprintf vasprintf getline getdelim", [], "they allocate behind base/alloc.h"),
    ("sprintf vsprintf strcpy strcat strncpy strncat gets", [], "no bound, or a bound that is easily wrong"),
    ("strtok setlocale", [], "state of the whole process"),
    ("atoi atol atof strtod strtof sscanf", ["src/base/number.c"], "they follow the locale or hide errors; base/number.h"),
    ("rand srand random drand48", [], "base/rng.h gives the same numbers everywhere"),
    ("system popen", [], "a shell reads the arguments again; spawn with a vector"),
    ("fopen fdopen freopen fread fwrite open openat creat read write pread pwrite readv writev mmap munmap unlink rename "
     "ftruncate fsync fdatasync opendir readdir scandir flock", ["src/base/", "src/hub/", "src/cli/signals.c",
                                                                            "src/cli/doctor_card.c"],
     "files are base/file.h's, so that a test can make each read and write fail; hub resumes part files in place, and what a "
     "child says comes through a pipe"),
]
# Checked in the library's rooms: these belong to programs.
BANNED_IN_LIBRARY = [
    ("printf fprintf vprintf vfprintf dprintf puts fputs putchar putc fputc perror", [], "a library does not talk"),
    ("exit _exit _Exit quick_exit abort raise", [], "a library returns"),
    ("getenv secure_getenv setenv putenv unsetenv", [], "options come through the caller"),
    ("signal sigaction sigprocmask", [], "signals belong to the program"),
    ("fork vfork execv execvp execve posix_spawn posix_spawnp", [], "processes belong to the program"),
]
# A file's stem that says nothing about the question it answers.
EMPTY_STEMS = {"utils", "util", "common", "helpers", "helper", "misc", "stuff", "general"}
# Registries are X-lists of one line an entry; each kind has its own, under the same name (ARCHITECTURE.md).
SHARED_NAMES = {"list.h"}
# Tables that a script in tools/fixtures wrote: no essay is lost in them, however long they are.
GENERATED = re.compile(r"_tables\.h$")
C_SUFFIXES = (".c", ".h", ".inc")  # .inc: one kernel source, compiled once for each instruction set
MAX_WIDTH = 128  # .clang-format's ColumnLimit
MAX_SCRIPT_WIDTH = 160  # Python and shell, where one case of a table is one line
MAX_LINES = 1500  # past this a file answers more than one question
MAX_MEDIAN = 350  # of src/: the tree stays a tree of small rooms
MAX_FUNCTION = 150  # lines; a function does one thing
MIN_ESSAY = 30  # characters: a sentence
MIN_ESSAY_PAIR = 50  # of src/: foo.c and foo.h together answer for the file's question
OPEN_WORDS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
LICENCE = "SPDX-License-Identifier: Apache-2.0"


def code_files(*suffixes):
    return find([f for f in CODE_FOLDERS if (ROOT / f).is_dir()], *suffixes)


def essay_length(path, text):
    """Characters of prose in the comment (or docstring) that follows the licence line; 0 when there is none."""
    lines = text.splitlines()
    if path.suffix in C_SUFFIXES:
        rest = "\n".join(lines[1:]).lstrip()
        match = re.match(r"/\*(.*?)\*/", rest, re.DOTALL)
        return len(" ".join(match.group(1).replace("*", " ").split())) if match else 0
    rest = "\n".join(line for line in lines[1:4] if LICENCE not in line) + "\n" + "\n".join(lines[4:])
    if path.suffix == ".py":
        match = re.match(r'\s*"""(.*?)"""', rest, re.DOTALL)
        return len(" ".join(match.group(1).split())) if match else 0
    comment = re.match(r"(?:[ \t]*#[^\n]*\n|\n)+", rest)
    return len(" ".join(comment.group().replace("#", " ").split())) if comment else 0


def check_licence(files):
    for path, text in files:
        first = text.splitlines()[:1]
        if first and first[0].startswith("#!"):
            first = text.splitlines()[1:2]
        if not first or LICENCE not in first[0]:
            yield f"{name(path)}: the first line is not the licence tag"


def check_essays(files):
    lengths = {path: essay_length(path, text) for path, text in files}
    for path, length in lengths.items():
        if path.parts[len(ROOT.parts)] == "tests" and path.suffix != ".c":
            continue
        headers = (path.with_suffix(".h"), ROOT / "include" / "trident" / (path.stem + ".h"))
        pair = length + max(lengths.get(header, 0) for header in headers)
        if length < MIN_ESSAY:
            yield f"{name(path)}: header essay of {length} characters, at least {MIN_ESSAY} asked"
        elif path.suffix == ".c" and name(path).startswith("src/") and pair < MIN_ESSAY_PAIR:
            yield f"{name(path)}: header essay, with {path.stem}.h's, of {pair} characters, at least {MIN_ESSAY_PAIR} asked"


def check_lines(files):
    for path, text in files:
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > (MAX_WIDTH if path.suffix in C_SUFFIXES else MAX_SCRIPT_WIDTH):
                yield f"{name(path)}:{number}: {len(line)} columns"
            if line != line.rstrip():
                yield f"{name(path)}:{number}: white space at the end"
            if "\t" in line:
                yield f"{name(path)}:{number}: tab"
            if OPEN_WORDS.search(line):
                yield f"{name(path)}:{number}: left open: {line.strip()[:60]}"
        if text and not text.endswith("\n"):
            yield f"{name(path)}: no line end at the end"


def check_sizes(files):
    lengths = []
    for path, text in files:
        lines = text.count("\n")
        if lines > MAX_LINES and not GENERATED.search(path.name):
            yield f"{name(path)}: {lines} lines"
        if name(path).startswith("src/"):
            lengths.append(lines)
    if lengths and statistics.median(lengths) >= MAX_MEDIAN:
        yield f"median of src/ is {statistics.median(lengths)} lines, {MAX_MEDIAN} asked"


def check_names(files):
    seen = {}
    for path, _ in files:
        if path.stem in EMPTY_STEMS:
            yield f"{name(path)}: a name that says nothing"
        # trident/embed.h and model/embed.h: the treaty and the room behind it are told apart by their folder
        if path.name in SHARED_NAMES or name(path).startswith("include/"):
            continue
        if path.name in seen:
            yield f"{name(path)}: {seen[path.name]} has the same name"
        seen.setdefault(path.name, name(path))


def calls(stripped, names):
    """(line, name) of calls of one of the names; members (x->read, x.read) are somebody else's."""
    words = "|".join(names.split())
    for match in re.finditer(r"(?<![\w.])(?<!->)(" + words + r")\s*\(", stripped):
        yield stripped.count("\n", 0, match.start()) + 1, match.group(1)


def check_banned(sources, table):
    for path, stripped in sources:
        for names, homes, why in table:
            if any(name(path) == home or home.endswith("/") and name(path).startswith(home) for home in homes):
                continue
            for line, call in calls(stripped, names):
                yield f"{name(path)}:{line}: {call}: {why}"


def check_shape(sources):
    for path, stripped in sources:
        for match in re.finditer(r"\btypedef\s[^;{}()]*\*\s*\w+\s*;", stripped):
            yield f"{name(path)}:{stripped.count(chr(10), 0, match.start()) + 1}: a typedef that hides a pointer"
        start = None
        for number, line in enumerate(stripped.splitlines(), 1):
            if line.startswith("{"):  # Linux braces: a function's body opens in column 0
                start = number
            elif line.startswith("}") and start is not None:
                if number - start - 1 > MAX_FUNCTION:
                    yield f"{name(path)}:{start}: a function of {number - start - 1} lines"
                start = None


def main():
    tap = Tap()
    files = [(path, path.read_text(encoding="utf-8")) for path in code_files(".c", ".h", ".inc", ".py", ".sh")]
    sources = [(path, strip(text)) for path, text in files if name(path).startswith("src/") and path.suffix in C_SUFFIXES]
    library = [(path, text) for path, text in sources if not name(path).startswith(PROGRAMS)]
    tap.check("licence line", check_licence(files))
    tap.check("header essay", check_essays(files))
    tap.check("width, white space, nothing left open", check_lines(files))
    tap.check("file sizes", check_sizes(files))
    tap.check("file names", check_names(files))
    tap.check("calls that no room makes", check_banned(sources, BANNED_EVERYWHERE))
    tap.check("calls that the library does not make", check_banned(library, BANNED_IN_LIBRARY))
    tap.check("typedefs and function sizes", check_shape(sources))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

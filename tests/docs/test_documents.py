# SPDX-License-Identifier: Apache-2.0
"""Does what the documents name exist? Paths in backticks, links, make targets, commands and flags of `trident`.

A path is checked when it begins with a folder of the tree and has no placeholder (NAME, X.c) in it."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIDENT = pathlib.Path(os.environ.get("TRI_BUILD", ROOT / "build")) / "trident"
FOLDERS = ("src", "include", "tests", "fuzz", "tools", "docs", "examples", "bench", "data", "cmake", ".ci")
count = failures = 0


def check(what, complaints):
    global count, failures
    count += 1
    failures += bool(complaints)
    print(f"{'not ok' if complaints else 'ok'} {count} - {what}")
    for complaint in complaints:
        print(f"#   {complaint}")


def documents():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.splitlines() or [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.md") if ".venv" not in str(p)]
    return sorted(ROOT / name for name in names if not name.startswith("tests/golden"))


def list_rows(kind):
    out = subprocess.run([str(TRIDENT), "list", kind], capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def missing_paths(path, text):
    for match in re.finditer(r"`([\w./-]+)`", text):
        named = match.group(1)
        if named.split("/")[0] in FOLDERS and "/" in named and not re.search(r"(?<![A-Za-z])[A-Z]+(?![A-Za-z])(?!\.md)", named):
            if not (ROOT / named).exists():
                yield f"{path.relative_to(ROOT)}: `{named}` is not there"
    for match in re.finditer(r"\]\((?!https?:|#)([^)#\s]+)", text):
        if not (path.parent / match.group(1)).exists():
            yield f"{path.relative_to(ROOT)}: link to {match.group(1)} leads nowhere"


def missing_targets(path, text, targets):
    for match in re.finditer(r"(?:`|^|\$ )make ([a-z][\w-]*)", text, re.MULTILINE):
        if match.group(1) not in targets:
            yield f"{path.relative_to(ROOT)}: make {match.group(1)} is no target"


def wrong_commands(path, text, commands, flags):
    """`trident COMMAND ... --flag` in backticks and in lines that begin with it."""
    for match in re.finditer(r"(?:`|^(?:\$ )?)(?:build/)?trident ([a-z-]+)([^`\n]*)", text, re.MULTILINE):
        command, rest = match.groups()
        where = f"{path.relative_to(ROOT)}: trident {command}"
        if command not in commands:
            yield f"{where} is no command"
            continue
        for flag in re.findall(r"(?<!\S)(--[a-z][\w-]*)", rest):
            if flag not in flags[command]:
                yield f"{where} has no {flag}"


def main():
    pages = [(path, path.read_text(encoding="utf-8")) for path in documents()]
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    check("paths and links lead somewhere", [c for p, t in pages for c in missing_paths(p, t)])
    check("make targets exist", [c for p, t in pages for c in missing_targets(p, t, targets)])
    commands = {row[0] for row in list_rows("command")}
    flags = {name: set() for name in commands}
    for name, flag in list_rows("flag"):
        flags[name].add(flag)
    check("commands and flags exist", [c for p, t in pages for c in wrong_commands(p, t, commands, flags)])


main()
print(f"1..{count}")
sys.exit(failures > 0)

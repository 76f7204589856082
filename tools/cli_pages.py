#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cli_pages.py: the pages of docs/cli, from the program itself.

    tools/cli_pages.py TRIDENT            writes docs/cli/*.md
    tools/cli_pages.py TRIDENT --check    TAP: is each page what the program says today, and is there a page for each command?

A page is `trident COMMAND --help`; the front page has the list of commands and the exit status of every library status. They are
written by this script and never by hand, so they cannot drift: tests/docs/test_cli_pages.py runs the check."""
import pathlib
import subprocess
import sys

from c_source import ROOT, Tap

PAGES = ROOT / "docs" / "cli"
NOTE = "<!-- written by tools/cli_pages.py from the program's own help -->\n"


def ask(trident, *words):
    return subprocess.run([str(trident), *words], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin"}).stdout


def rows(trident, kind):
    return [line.split("\t") for line in ask(trident, "list", kind).splitlines()]


def command_page(trident, name):
    return f"{NOTE}# trident {name}\n\n```text\n{ask(trident, name, '--help').rstrip()}\n```\n"


def front_page(trident):
    lines = [NOTE + "# The command line", "", "| command | does |", "|---|---|"]
    lines += [f"| [`{name}`]({name}.md) | {summary} |" for name, summary in rows(trident, "command")]
    lines += ["", "Data goes to standard output or `-o FILE`, talk to standard error. Output files appear whole or not at all.", "",
              "What a status of the library becomes for the shell:", "", "| status | exit | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {code} | {meaning} |" for name, code, meaning in rows(trident, "status")]
    lines += ["", "Wrong usage is 2, an interruption 130."]
    return "\n".join(lines) + "\n"


def pages(trident):
    texts = {f"{row[0]}.md": command_page(trident, row[0]) for row in rows(trident, "command")}
    texts["README.md"] = front_page(trident)
    return texts


def check(texts):
    tap = Tap()
    for name, text in sorted(texts.items()):
        path = PAGES / name
        old = path.read_text(encoding="utf-8") if path.is_file() else None
        complaint = f"docs/cli/{name} is missing" if old is None else f"docs/cli/{name} is not what the program says"
        tap.check(f"docs/cli/{name}", [] if old == text else [complaint + ": make docs writes it"])
    stale = sorted(p.name for p in PAGES.glob("*.md") if p.name not in texts)
    tap.check("no page without a command", [f"docs/cli/{name}" for name in stale])
    return tap.end()


def main():
    trident = pathlib.Path(sys.argv[1]).resolve()
    texts = pages(trident)
    if "--check" in sys.argv[2:]:
        return check(texts)
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in PAGES.glob("*.md"):
        path.unlink()
    for name, text in texts.items():
        (PAGES / name).write_text(text, encoding="utf-8")
    print(f"{len(texts)} pages written to docs/cli")
    return 0


if __name__ == "__main__":
    sys.exit(main())

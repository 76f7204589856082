#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_layers.py: does each room use only what it says it uses?

    tools/check_layers.py [BUILD]

The law (ARCHITECTURE.md draws it). A room is a folder of src/. Its DEPS file names the rooms it may use, one a line, and may
name lower levels only. Checked, as TAP:
  1. every include of src/** is "room/file.h" of its own room or of a room in DEPS, or a public header that the room may speak;
  2. foo_int.h is included by files of the stem foo alone (and by their tests);
  3. no undefined symbol of a room's objects in BUILD is defined in a room outside its DEPS: an `extern` declaration is an edge
     too, whatever the includes say. Programs reach the library through the public tri_* functions only;
  4. libtrident.so exports tri_* and nothing else, and exactly the functions that the public headers declare;
  5. libraries and system headers stay in the rooms that are for them (HOMES).

Without objects in BUILD (nothing was built) 3 and 4 are skipped, and say so."""
import pathlib
import re
import subprocess
import sys

from c_source import ROOT, Tap, find, includes, name, strip

LEVELS = {"base": 0, "formats": 1, "tokenizer": 2, "compute": 2, "model": 3, "train": 4, "index": 4, "search": 5, "eval": 5,
          "api": 6, "hub": 7, "lab": 7, "serve": 8, "cli": 8}
PROGRAMS = {"hub", "cli", "serve", "lab"}
# Programs speak to the library through the treaty; of the rooms below it they may use these, and of each other's, hub
# and lab.
PROGRAM_DEPS = {"base", "formats", "hub", "lab"}
# The words of the treaty that a room below it may use: a room that implements a public header speaks that header's types.
PUBLIC = {
    "tokenizer": {"embed", "engine"},
    "model": {"embed", "engine", "rerank", "experimental"},
    "index": {"index"},
    "search": {"search", "index", "eval"},
    "eval": {"eval"},
}
EVERYWHERE = {"status", "types"}
# A header that only these rooms include. Everything else from the C library is free.
HOMES = {
    "curl/": {"hub"},
    "openssl/": {"hub", "lab"},
    "sqlite3.h": {"lab"},
    "yaml.h": {"lab"},
    "utf8proc.h": {"tokenizer", "base"},
    "xxhash.h": {"base"},
    "zlib.h": {"formats", "base", "hub"},
    "sys/mman.h": {"base"},
    "fcntl.h": {"base", "hub", "lab", "cli"},
    "sys/socket.h": {"hub", "serve"},
    "signal.h": PROGRAMS,
    "locale.h": {"base"},
    "jansson.h": {"formats", "tokenizer", "model", "index", "eval", "api", "hub", "cli", "serve", "lab"},
}


def rooms():
    return sorted((p.name for p in (ROOT / "src").iterdir() if p.is_dir()), key=lambda room: (LEVELS.get(room, 99), room))


def read_deps(room):
    path = ROOT / "src" / room / "DEPS"
    if not path.is_file():
        return None
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def check_deps(room, deps):
    if deps is None:
        yield f"src/{room}/DEPS is missing"
        return
    for dep in deps:
        if dep not in LEVELS:
            yield f"src/{room}/DEPS names {dep}, which is no room"
        elif LEVELS[dep] >= LEVELS[room]:
            yield f"src/{room}/DEPS names {dep}: level {LEVELS[dep]} is not below {LEVELS[room]}"
        elif room in PROGRAMS and dep not in PROGRAM_DEPS:
            yield f"src/{room}/DEPS names {dep}: a program reaches it through include/trident"


def public_allowed(room, header):
    if header == "trident.h":
        return LEVELS[room] >= LEVELS["api"]
    stem = pathlib.Path(header).stem
    return stem in EVERYWHERE or LEVELS[room] >= LEVELS["api"] or stem in PUBLIC.get(room, ())


def check_includes(room, deps):
    allowed = {room, *deps}
    for path in find([f"src/{room}"], ".c", ".h", ".inc"):
        text = path.read_text(encoding="utf-8")
        for line, quote, target in includes(text):
            where = f"{name(path)}:{line}"
            if quote == "<":
                home = next((homes for prefix, homes in HOMES.items() if target.startswith(prefix)), None)
                if home is not None and room not in home:
                    yield f"{where}: <{target}> belongs in {', '.join(sorted(home)) or 'no room'}"
                continue
            if target == "trident.h" or target.startswith("trident/"):
                if not public_allowed(room, target):
                    yield f"{where}: {room} does not speak {target}"
                continue
            if "/" not in target:
                yield f'{where}: "{target}" is not written as "room/file.h"'
                continue
            to = target.split("/")[0]
            if to not in allowed:
                yield f"{where}: {room} -> {to} is not in src/{room}/DEPS"


def check_private_headers():
    for path in find(["src", "tests", "fuzz"], ".c", ".h", ".inc"):
        for line, quote, target in includes(path.read_text(encoding="utf-8")):
            target = pathlib.Path(target)
            if quote == "<" or not target.stem.endswith("_int"):
                continue
            stem = target.stem[:-len("_int")]
            user = re.sub(r"^(test|fuzz)_", "", path.stem) if path.parts[len(ROOT.parts)] != "src" else path.stem
            if user != stem and not user.startswith(stem + "_"):
                yield f"{name(path)}:{line}: {target.name} is private to {stem}*"


def symbols(files, *flags):
    """{(name, type)} of the symbols that nm lists."""
    out = subprocess.run(["nm", "-P", *flags, *map(str, files)], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in out.splitlines():
        fields = line.split()
        if len(fields) >= 2 and len(fields[1]) == 1:
            found.add((fields[0].split("@")[0], fields[1]))
    return found


def room_objects(build, room):
    folder = build / "CMakeFiles" / f"room_{room}.dir"
    sources = {str(p.relative_to(ROOT)) for p in find([f"src/{room}"], ".c")}
    # an object whose source is gone is a leftover of an earlier build
    return [o for o in sorted(folder.rglob("*.o")) if str(o.relative_to(folder))[:-2] in sources]


def check_edges(room, undefined, home, deps):
    for symbol in sorted(undefined):
        owners = home.get(symbol, set())
        if not owners or room in owners or owners & set(deps):
            continue
        if room in PROGRAMS and symbol.startswith("tri_"):
            continue
        yield f"{symbol}, used in {room}, is defined in {', '.join(sorted(owners))}, which src/{room}/DEPS does not name"


def public_functions():
    declared = set()
    for path in find(["include"], ".h"):
        for match in re.finditer(r"\bTRI_API\b[^;]*?\b(tri_\w+)\s*\(", strip(path.read_text(encoding="utf-8"))):
            declared.add(match.group(1))
    return declared


def check_exports(library):
    exported = {symbol for symbol, kind in symbols([library], "-D", "--defined-only") if kind in "TDBRVWi"}
    exported -= {"_init", "_fini"}
    for symbol in sorted(s for s in exported if not s.startswith("tri_")):
        yield f"{symbol} is exported"
    declared = public_functions()
    for symbol in sorted(declared - exported):
        yield f"{symbol} is declared in include/trident and defined nowhere"
    for symbol in sorted(s for s in exported - declared if s.startswith("tri_")):
        yield f"{symbol} is exported and no public header declares it"


def main():
    build = (ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build")).resolve()
    tap = Tap()
    all_rooms = rooms()
    tap.check("every room has a level", [f"src/{room} has no level in tools/check_layers.py" for room in all_rooms
                                          if room not in LEVELS])
    all_rooms = [room for room in all_rooms if room in LEVELS and find([f"src/{room}"], ".c", ".h", ".inc")]
    deps = {room: read_deps(room) for room in all_rooms}
    for room in all_rooms:
        tap.check(f"{room}: DEPS names lower levels", check_deps(room, deps[room]))
        tap.check(f"{room}: includes keep to DEPS", check_includes(room, deps[room] or []))
    tap.check("private headers stay with their stem", check_private_headers())

    objects = {room: room_objects(build, room) for room in all_rooms}
    if not any(objects.values()):
        tap.skip("symbols", f"no objects in {build}")
        return tap.end()
    home, undefined = {}, {}
    for room in all_rooms:
        if not objects[room]:
            undefined[room] = set()
            continue
        listed = symbols(objects[room], "-g")
        for symbol in {s for s, kind in listed if kind not in "Uwv"}:
            home.setdefault(symbol, set()).add(room)
        undefined[room] = {s for s, kind in listed if kind in "Uwv"}
    for room in all_rooms:
        tap.check(f"{room}: symbols keep to DEPS", check_edges(room, undefined[room], home, deps[room] or []))
    library = build / "libtrident.so"
    if library.exists():
        tap.check("libtrident.so exports the treaty and nothing else", check_exports(library))
    else:
        tap.skip("exports", f"{library} was not built")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

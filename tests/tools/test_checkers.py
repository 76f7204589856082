# SPDX-License-Identifier: Apache-2.0
"""Do the checkers see what they are for? Each case plants one fault in a small tree beside a copy of tools/ and expects a
failure that names it; the same tree without the fault passes."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
ESSAY = "/* %s: what does this file answer? Nothing: it is here so that a checker has something to look at, and it is long\n" \
        " * enough to count as the essay that a file of the house opens with, which takes a paragraph. */\n"
count = failures = 0


def header(name, body=""):
    guard = name.upper().replace(".", "_")
    return LICENCE + ESSAY % name + f"#ifndef {guard}\n#define {guard}\n{body}#endif\n"


def source(name, body):
    return LICENCE + ESSAY % name + body


TREE = {
    "include/trident/types.h": header("types.h", "typedef int tri_number;\n"),
    "src/base/DEPS": "",
    "src/base/bytes.h": header("bytes.h", "int bytes_count(void);\n"),
    "src/base/bytes.c": source("bytes.c", '#include "base/bytes.h"\nint bytes_count(void)\n{\n    return 1;\n}\n'),
    "src/formats/DEPS": "base\n",
    "src/formats/lines.h": header("lines.h", "int lines_count(void);\n"),
    "src/formats/lines.c": source("lines.c", '#include "base/bytes.h"\n#include "formats/lines.h"\nint lines_count(void)\n{\n'
                                             "    return bytes_count();\n}\n"),
}


def check(ok, what, detail=""):
    global count, failures
    count += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {what}")
    if not ok:
        print("\n".join("#   " + line for line in detail.splitlines()[-12:]))


def compile_rooms(folder):
    for path in sorted((folder / "src").rglob("*.c")):
        room = path.relative_to(folder / "src").parts[0]
        out = folder / "build/CMakeFiles" / f"room_{room}.dir" / (str(path.relative_to(folder)) + ".o")
        out.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-c", f"-I{folder}/src", f"-I{folder}/include", str(path), "-o", str(out)], check=True)


def run_checker(tool, changes, objects=False):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "tools").mkdir()
        for name in ("c_source.py", tool):
            shutil.copy(ROOT / "tools" / name, folder / "tools")
        for name, text in {**TREE, **changes}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if objects:
            compile_rooms(folder)
        done = subprocess.run([sys.executable, str(folder / "tools" / tool), "build"], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def expect(tool, what, changes, says, objects=False):
    status, output = run_checker(tool, changes, objects)
    check(status != 0 and says in output, f"{tool} sees {what}", f"wanted: {says}\n{output}")


def main():
    for tool in ("check_layers.py", "check_style.py", "check_headers.py"):
        status, output = run_checker(tool, {}, objects=True)
        check(status == 0, f"{tool} passes a tree without a fault", output)

    layers = "check_layers.py"
    upward = source("bytes.c", '#include "formats/lines.h"\nint bytes_count(void)\n{\n    return 1;\n}\n')
    hidden = source("bytes.c", '#include "base/bytes.h"\nextern int lines_count(void);\nint bytes_count(void)\n{\n'
                               "    return lines_count();\n}\n")
    expect(layers, "an undeclared include", {"src/base/bytes.c": upward}, "base -> formats is not in src/base/DEPS")
    expect(layers, "an extern that goes round DEPS", {"src/base/bytes.c": hidden}, "lines_count, used in base", True)
    expect(layers, "a DEPS that names a higher level", {"src/base/DEPS": "formats\n"}, "is not below")
    expect(layers, "a missing DEPS", {"src/search/query.h": header("query.h")}, "src/search/DEPS is missing")
    expect(layers, "a room without a level", {"src/odd/odd.h": header("odd.h")}, "src/odd has no level")
    expect(layers, "a private header in other hands",
           {"src/formats/other.c": source("other.c", '#include "formats/lines_int.h"\n')}, "private to lines")
    curl = source("net.c", "#include <curl/curl.h>\n")
    expect(layers, "a library out of its room", {"src/formats/net.c": curl}, "belongs in hub")
    expect(layers, "a public header in a room that does not speak it",
           {"src/base/x.c": source("x.c", '#include "trident/search.h"\n')}, "base does not speak trident/search.h")

    style = "check_style.py"

    def one_file(text):
        return {"src/formats/x.c": text}

    def one_call(statement):
        return one_file(source("x.c", f"int f(void)\n{{\n    {statement}\n}}\n"))

    expect(style, "malloc in a room", one_call("return malloc(1) != 0;"), "x.c:6: malloc")
    expect(style, "printf in the library", one_call('return printf("a");'), "x.c:6: printf")
    expect(style, "exit in the library", one_call("exit(1);"), "x.c:6: exit")
    expect(style, "fopen outside base", one_call('return fopen("a", "r") != 0;'), "x.c:6: fopen")
    expect(style, "a missing licence", one_file("int x;\n"), "the first line is not the licence tag")
    expect(style, "a missing essay", one_file(LICENCE + "int x;\n"), "header essay of 0 characters")
    expect(style, "a line too wide", one_file(source("x.c", "int " + "x" * 128 + ";\n")), "133 columns")
    expect(style, "an open end", one_file(source("x.c", "int x; /* TO" + "DO */\n")), "left open")
    expect(style, "a file over the limit", one_file(source("x.c", "int x;\n" * 1500)), "1503 lines")
    expect(style, "a typedef that hides a pointer", one_file(source("x.c", "typedef struct y *y_ref;\n")), "hides a pointer")
    expect(style, "a name twice", {"src/formats/bytes.h": header("bytes.h")}, "src/base/bytes.h has the same name")
    expect(style, "an empty name", {"src/formats/utils.c": source("utils.c", "int x;\n")}, "a name that says nothing")
    quiet = '/* malloc(1) is spoken of */\nconst char *x = "malloc(1)";\nint f(struct s *p)\n{\n    return p->read(1);\n}\n'
    status, output = run_checker(style, one_file(source("x.c", quiet)))
    check(status == 0, f"{style} leaves comments, strings and members alone", output)

    headers = "check_headers.py"
    expect(headers, "a header that needs another's includes", {"src/base/x.h": header("x.h", "size_t x(void);\n")},
           "not ok")
    no_cxx = header("x.h", "int x(int class);\n")
    expect(headers, "a public header that is no C++", {"include/trident/x.h": no_cxx}, "alone, as C++")
    example = LICENCE + "/* x.h: an example.\n *\n *   int x = y;\n */\n#ifndef X_H\n#define X_H\n#endif\n"
    broken = {"include/trident/x.h": example, "include/trident.h": "\n"}
    expect(headers, "an example that does not compile", broken, "the example")


main()
print(f"1..{count}")
sys.exit(failures > 0)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_headers.py: does each header compile alone, and do the examples in the public ones compile?

    tools/check_headers.py [BUILD]

As TAP:
  1. every header of include/ and src/ is compiled on its own as C11, the public ones as C++11 too, warnings as errors: a header
     that needs its includer's includes fails here. Registries (list.h) are X-lists, not headers.
  2. every public header includes nothing of the house but other public headers;
  3. every example in a public header's essay compiles. An example is a run of lines indented by three or more columns after the
     star that holds a semicolon. It is compiled inside a function that has the names of CONTEXT; `...` stands for the user's
     own code and is left out.

BUILD is not used (no objects are needed); it is there so that all checkers are called alike."""
import concurrent.futures
import os
import platform
import re
import subprocess
import sys

from c_source import ROOT, Tap, find, includes, name

WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT}/include"]
C11 = [os.environ.get("CC", "cc"), "-std=c11", "-Wstrict-prototypes", "-Wmissing-prototypes", *WARNINGS]
CXX11 = [os.environ.get("CXX", "c++"), "-std=c++11", *WARNINGS]
# What an example may take as given.
CONTEXT = ("tri_engine *engine, tri_model *model, tri_session *session, tri_tokenizer *tokenizer, tri_index *index, "
           "tri_embeddings *embeddings, tri_qrels *qrels, tri_run *run, tri_error err")
# Headers of one instruction set, by the suffix of their name (cmake/rooms.cmake has the flags for the sources): what this machine's
# compiler has no flags for is not compiled here.
X86 = platform.machine() in ("x86_64", "AMD64")
ISA_FLAGS = {
    "_avx2": ["-mavx2", "-mfma", "-mf16c", "-mbmi2"] if X86 else None,
    "_avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mf16c", "-mbmi2"] if X86 else None,
    "_amx": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mf16c", "-mbmi2",
             "-mavx512vnni", "-mavx512bf16", "-mamx-tile", "-mamx-int8", "-mamx-bf16"] if X86 else None,
    "_neon": ["-march=armv8.2-a+fp16"] if platform.machine() in ("aarch64", "arm64") else None,
}


def isa_flags(path):
    return next((flags for suffix, flags in ISA_FLAGS.items() if path.stem.endswith(suffix)), [])


def compile_text(command, language, text):
    """The compiler's first complaints; nothing when it has none."""
    command = [*command, "-fsyntax-only", "-x", language, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT)
    return done.stderr.splitlines()[:6] if done.returncode else []


def examples(text):
    """(line, code) of each example in the essay."""
    essay = re.match(r"[^\n]*\n/\*.*?\*/", text, re.DOTALL)
    if not essay:
        return
    block, start = [], 0
    for number, line in enumerate(essay.group().splitlines() + [""], 1):
        match = re.match(r" \* {3,}(.*)$", line)
        if match:
            start = start or number
            block.append(match.group(1))
        elif re.match(r" \*\s*$", line) and block:
            block.append("")
        else:
            if ";" in "\n".join(block):
                yield start, "\n".join(block).replace("...", "")
            block, start = [], 0


def example_source(code):
    return ('#include "trident.h"\n#include <stdio.h>\n#include <string.h>\n'
            f"void example({CONTEXT});\nvoid example({CONTEXT})\n{{\n"
            "(void)engine, (void)model, (void)session, (void)tokenizer, (void)index, (void)embeddings, (void)qrels, (void)run, "
            f"(void)err;\n{code}\n}}\n")


def jobs():
    """(what, command, language, text) of everything to compile."""
    for path in find(["include", "src"], ".h"):
        flags = isa_flags(path)
        if path.name == "list.h" or flags is None:
            continue
        public = name(path).startswith("include/")
        target = path.relative_to(ROOT / ("include" if public else "src"))
        text = f'#include "{target}"\n#include "{target}"\ntypedef int not_empty;\n'
        if name(path).startswith("src/compute/cuda/"):  # over the stand-in: the toolkit's headers are not everywhere
            flags = [f"-I{ROOT}/tests/cuda/include", *flags]
        yield f"{name(path)} alone, as C", [*C11, *flags, f"-I{ROOT}/src"], "c", text
        if public:
            yield f"{name(path)} alone, as C++", CXX11, "c++", text
    for path in find(["include"], ".h"):
        for line, code in examples(path.read_text(encoding="utf-8")):
            # an example shows a use; what it does with the result is the reader's
            yield f"{name(path)}:{line}: the example", [*C11, "-Wno-unused"], "c", example_source(code)


def main():
    tap = Tap()
    work = list(jobs())
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = list(pool.map(lambda job: compile_text(*job[1:]), work))
    for (what, *_), complaints in zip(work, results):
        tap.check(what, complaints)
    inward = [f"{name(path)}:{line}: {target}" for path in find(["include"], ".h")
              for line, quote, target in includes(path.read_text(encoding="utf-8"))
              if quote == '"' and not target.startswith("trident/")]
    tap.check("public headers include public headers only", inward)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

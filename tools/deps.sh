#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# deps.sh: is what this target needs on this machine?
#
#   tools/deps.sh GROUP...      GROUP: build test pull clang format arm
#
# Each need is tested by using it (a command on the PATH, a pkg-config module), never by asking the package manager, so a
# library from another place is as good as Debian's. What is missing is installed with apt-get when that is possible and we
# are root; otherwise the one line to run is printed and the exit status is 1. Nothing missing: silent, a few milliseconds.
set -u

missing=""
need() { # need PACKAGE COMMAND...: the package is missing when the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
need_command() { need "$1" command -v "$2"; }
need_library() { # without pkg-config nothing can be known; the first round then names the package, as it may be missing
    need "$1" pkg-config --exists "$2"
}

for group in "${@:-build}"; do
    case $group in
    build)
        # build-essential brings the compiler and the C library's headers
        need build-essential sh -c 'echo "#include <stdio.h>" | ${CC:-cc} -x c -fsyntax-only -'
        need_command cmake cmake
        need_command ninja-build ninja
        need_command pkg-config pkg-config
        need_library libjansson-dev jansson
        need_library libxxhash-dev libxxhash
        need_library libutf8proc-dev libutf8proc
        need_library zlib1g-dev zlib
        need_library libcurl4-openssl-dev libcurl
        need_library libssl-dev libcrypto
        need_library libsqlite3-dev sqlite3
        need_library libyaml-dev yaml-0.1
        ;;
    test)
        need_command python3 python3
        need_library libcmocka-dev cmocka
        need g++ sh -c 'echo "#include <cstdio>" | g++ -x c++ -fsyntax-only -' # the public headers are compiled as C++ too
        ;;
    pull)
        need_command python3 python3
        need python3-pip python3 -m pip --version
        ;;
    venv) need python3-venv python3 -c 'import ensurepip, venv' ;;
    clang)
        need_command clang clang
        need libclang-rt-14-dev sh -c 'echo "int main(void){return 0;}" | clang -x c -fsanitize=address -o /dev/null -'
        ;;
    format) need_command clang-format clang-format ;;
    arm)
        need gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc --version
        need libc6-dev-arm64-cross sh -c 'echo "#include <stdio.h>" | aarch64-linux-gnu-gcc -x c -fsyntax-only -'
        need qemu-user-static sh -c 'command -v qemu-aarch64-static || command -v qemu-aarch64'
        ;;
    *)
        echo "deps.sh: unknown group $group (build test pull venv clang format arm)" >&2
        exit 2
        ;;
    esac
done
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing with apt-get: $missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of package names
    if apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends $missing >&2; then
        exit 0
    fi
    echo "apt-get could not install: $missing" >&2
    exit 1
fi
echo "missing on this machine: $missing" >&2
echo "on Debian or Ubuntu run:" >&2
echo "    sudo apt-get install -y $missing" >&2
exit 1

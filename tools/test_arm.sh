#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_arm.sh: do the kernels hold on AArch64?
#
#   tools/test_arm.sh BUILD      a build of the preset "arm"
#
# Runs the conformance tests and the corpus of fuzz_kernels under QEMU's user mode, as many at a time as there are processors:
# once as "max", which has every extension that the kernels use, and once as a Cortex-A72, which has none, so that an
# instruction beyond plain NEON ends the program. Prints what failed, then the counts; exit status 1 when anything did.
set -u
build=$1
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || exit 1

if [ "${2:-}" ]; then # one: CPU PROGRAM
    log=$build/$(basename "$3").$2.log
    set -- "$2" "$3" $([ "$(basename "$3")" = fuzz_kernels ] && echo fuzz/corpus/kernels)
    cpu=$1
    shift
    "$qemu" -cpu "$cpu" "$@" >"$log" 2>&1 && exit 0
    echo "not ok - $1 as $cpu"
    tail -n 3 "$log"
    exit 1
fi

list=$(for cpu in max cortex-a72; do
    for program in "$build"/tests/test_conf_* "$build"/fuzz/fuzz_kernels; do echo "$cpu $program"; done
done)
failed=0
echo "$list" | xargs -P "$(nproc)" -L 1 "$0" "$build" || failed=1
echo "$(echo "$list" | wc -l) programs on two emulated processors, $(cat "$build"/*.log | grep -c '^ok ') tests passed"
exit $failed

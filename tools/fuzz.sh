#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh: what does a parser do with bytes that nobody thought of?
#
#   tools/fuzz.sh BUILD SECONDS [TARGET...]
#
# Runs each libFuzzer target for SECONDS, as many at a time as there are processors. Each starts from fuzz/corpus/NAME, which is
# read and never written; what it finds grows in BUILD/corpus/NAME, and an input that breaks the target is left in
# BUILD/artifacts/NAME. Ends with a table: executions, edges covered, peak memory, and whether it held. Exit 1 when one did not.
set -u
build=$1
seconds=$2
shift 2
[ $# -gt 0 ] || set -- $(cd "$build/fuzz" && ls -d fuzz_*)

one() {
    name=${1#fuzz_}
    mkdir -p "$build/corpus/$name" "$build/artifacts/$name"
    seeds=fuzz/corpus/$name
    [ -d "$seeds" ] || seeds=
    # 2 GiB: a parser that asks for more on a 1 MB input trusts a number in the input
    "$build/fuzz/$1" -max_total_time="$seconds" -rss_limit_mb=2048 -max_len=1000000 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$build/artifacts/$name/" "$build/corpus/$name" $seeds >"$build/artifacts/$name.log" 2>&1
    echo $? >"$build/artifacts/$name.status"
}

if [ "${FUZZ_ONE:-}" ]; then
    one "$1"
    exit 0
fi
mkdir -p "$build/artifacts"
printf '%s\n' "$@" | FUZZ_ONE=1 xargs -P "$(nproc)" -n 1 "$0" "$build" "$seconds"

failed=0
printf '%-28s %12s %8s %8s  %s\n' target executions edges "MiB" held
for target in "$@"; do
    name=${target#fuzz_}
    log=$build/artifacts/$name.log
    status=$(cat "$build/artifacts/$name.status")
    held=yes
    [ "$status" = 0 ] || { held="NO: see $log"; failed=1; }
    printf '%-28s %12s %8s %8s  %s\n' "$name" "$(awk '/number_of_executed_units/ {print $2}' "$log")" \
        "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -c6-)" "$(awk '/peak_rss_mb/ {print $2}' "$log")" "$held"
done
exit $failed

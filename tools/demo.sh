#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh: what `make demo` does, as the commands that a user would type.
#
#   tools/demo.sh [TRIDENT] [FOLDER]       TRIDENT build/trident, FOLDER (index, runs) build/demo
#
# Fetches small-m3 (once), encodes the Chinese, English and Arabic paragraphs of data/xquad-demo into one index (once), then
# shows a few questions and the figures. The three corpora have the same ids, so each key gets its language put before it.
set -eu
trident=${1:-build/trident}
folder=${2:-build/demo}
data=data/xquad-demo
began=$(date +%s)

say() {
    if [ -t 1 ]; then printf '\033[1m$ %s\033[0m\n' "$*"; else printf '$ %s\n' "$*"; fi
    "$@"
}

mkdir -p "$folder"
say "$trident" pull small-m3
for language in zh en ar; do
    sed "s/^{\"_id\": \"/&$language:/" "$data/corpus.$language.jsonl"
done >"$folder/corpus.jsonl.new"
# an unchanged corpus keeps its file, and so its index
if cmp -s "$folder/corpus.jsonl.new" "$folder/corpus.jsonl"; then
    rm "$folder/corpus.jsonl.new"
else
    mv "$folder/corpus.jsonl.new" "$folder/corpus.jsonl"
    rm -rf "$folder/index"
fi
say "$trident" index small-m3 "$folder/corpus.jsonl" -o "$folder/index"
say "$trident" demo small-m3 "$folder/index" "$data" --runs "$folder/runs" \
    --show en:56d9c455dc89441400fdb7c4,zh:56f8ca289b226e1400dd1007,ar:56f86e91aef2371900626067,en:56beb4343aeaaa14008c925b
printf '\n  all of it: %d s. Ask your own:\n' $(($(date +%s) - began))
printf '    %s demo small-m3 %s/index %s --ask "..."\n' "$trident" "$folder" "$data"

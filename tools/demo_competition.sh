#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo_competition.sh: what `make demo-competition` does: two contests, from raw files to checked submissions, as the commands that a
# contestant would type.
#
#   tools/demo_competition.sh [TRIDENT] [FOLDER]       TRIDENT build/trident, FOLDER build/competition
#
# One: search. 240 passages, 300 questions of which the first 150 are judged, a sample submission in CSV. Versions v1 (dense), v2 (dense
# and sparse) and v3 (multi-vector) run over one encoding; the best combination is chosen on the judged half, written as a plan, run,
# formatted like the sample, checked, reported.
# Two: ranking. Pairs of a question and passages, read by a cross-encoder; a second run takes every score from the cache.
set -eu
trident=$(realpath "${1:-build/trident}")
folder=${2:-build/competition}
data=$(realpath data/xquad-demo)
pairs=$(realpath examples/competition/pairs.jsonl)
sample=$(realpath examples/competition/sample.json)
plan=$(realpath examples/competition/plan.yaml)
began=$(date +%s)

say() {
    if [ -t 1 ]; then printf '\n\033[1m$ %s\033[0m\n' "$*"; else printf '\n$ %s\n' "$*"; fi
    "$@"
}

# Every demonstration begins with nothing but the organiser's files.
rm -rf "$folder"
mkdir -p "$folder/raw"
cd "$folder"
TRIDENT_LEDGER=$PWD/ledger.db
export TRIDENT_LEDGER
cp "$data/corpus.zh.jsonl" raw/corpus.jsonl
head -n 300 "$data/queries.zh.jsonl" >raw/queries.jsonl
{ head -n 1 "$data/qrels.tsv"; head -n 150 raw/queries.jsonl | cut -d '"' -f 4 | grep -F -f - "$data/qrels.tsv"; } >raw/judged.tsv
{ echo query_id,doc_ids; cut -d '"' -f 4 raw/queries.jsonl | sed 's/$/,p0000 p0001 p0002 p0003 p0004/'; } >raw/sample_submission.csv
cp "$plan" plan.yaml

say "$trident" pull small-m3
say "$trident" pull small-rerank

say "$trident" run plan.yaml --out search.run
say "$trident" run status search.run
say "$trident" blend search.run/v1/run.trec search.run/v2/run.trec search.run/v3/run.trec \
    --qrels raw/judged.tsv -o blend.trec --recipe best.yaml
say "$trident" run best.yaml --out best.run
cmp blend.trec best.run/best/run.trec
say "$trident" submit-format blend.trec --sample raw/sample_submission.csv --queries raw/queries.jsonl --corpus raw/corpus.jsonl -o submission.csv
say "$trident" check submission.csv --sample raw/sample_submission.csv --queries raw/queries.jsonl --corpus raw/corpus.jsonl \
    --runs search.run
say "$trident" report search.run --qrels raw/judged.tsv --queries raw/queries.jsonl -o report.html

say "$trident" rerank small-rerank -i "$pairs" -o submission.json --cache scores.db
say "$trident" rerank small-rerank -i "$pairs" -o again.json --cache scores.db
cmp submission.json again.json
say "$trident" check submission.json --sample "$sample"
say "$trident" ledger
printf '\n  from raw files to two checked submissions: %d s\n' $(($(date +%s) - began))
printf '    %s\n' "$PWD/submission.csv" "$PWD/submission.json" "$PWD/report.html"

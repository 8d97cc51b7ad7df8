#!/bin/sh
# examples.sh FASHION_MNIST README_TRAIN README_CALLBACK MAKE_IDX: the examples run on a small synthetic data set, learn it,
# and write the same results whatever the number of threads and workers.
set -eu
fashion_mnist=$1 readme_train=$2 readme_callback=$3 make_idx=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() {
    echo "$*"
    exit 1
}

mkdir data
"$make_idx" data 2000 200

"$readme_train" data > train.txt
[ "$(wc -l < train.txt)" -eq 11 ] || fail "readme_train: a header and ten rows were expected: $(cat train.txt)"
"$readme_callback" data > callback.txt
tail -n 1 callback.txt | grep -q eval || fail "readme_callback: $(cat callback.txt)"
! "$readme_train" nowhere > /dev/null 2> stderr || fail "readme_train accepts a folder that is not there"
[ "$(wc -l < stderr)" -eq 1 ] || fail "readme_train: one line on stderr was expected: $(cat stderr)"

run() {
    "$fashion_mnist" --data data --batch-size 10 --epochs 3 --lr 0.2 --seed 3 --quiet "$@"
}
run --threads 1 --workers 0 --out one --save one.safetensors > one.txt
run --threads 2 --workers 3 --out two --save two.safetensors > two.txt
OMP_NUM_THREADS=1 run --out three --save three.safetensors > three.txt
for other in two three; do
    cmp one/metrics.csv $other/metrics.csv || fail "metrics differ between runs with other threads"
    cmp one.safetensors $other.safetensors || fail "weights differ between runs with other threads"
done
[ "$(wc -l < one.txt)" -eq 1 ] || fail "--quiet prints one line: $(cat one.txt)"
accuracy=$(sed -nE 's/^final eval accuracy ([0-9.]+) loss .* time .* s$/\1/p' one.txt)
awk "BEGIN { exit !($accuracy >= 0.9) }" || fail "bars at ten heights are not told apart: $(cat one.txt)"

run --seed 4 --out four > /dev/null
! cmp -s one/metrics.csv four/metrics.csv || fail "the seed changes nothing"
run --norm-input --out five > /dev/null
! cmp -s one/metrics.csv five/metrics.csv || fail "--norm-input changes nothing"
"$fashion_mnist" --data data --epochs 1 --summary > six.txt
grep -q 4,474 six.txt || grep -q 4474 six.txt || fail "--summary does not show the 4474 parameters: $(cat six.txt)"
"$fashion_mnist" --help | grep -q -- --batch-size || fail "--help does not help"
[ -z "$(find . -name '*.partial*')" ] || fail "temporary files are left"
echo "the examples work"

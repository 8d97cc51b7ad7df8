#!/bin/sh
# examples.sh FASHION_MNIST BATCHNORM FASHION_CHALLENGE LESSON9 README_TRAIN README_CALLBACK MAKE_IDX: the examples run on a small synthetic data set, learn it,
# and write the same results whatever the number of threads and workers.
set -eu
fashion_mnist=$1 batchnorm=$2 fashion_challenge=$3 lesson9=$4 readme_train=$5 readme_callback=$6 make_idx=$7
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
run --model bn --threads 1 --out bn-one --save bn-one.safetensors > bn-one.txt
run --model bn --threads 2 --out bn-two --save bn-two.safetensors --stats > /dev/null
cmp bn-one/metrics.csv bn-two/metrics.csv || fail "--stats or threads change what a norm learns"
cmp bn-one.safetensors bn-two.safetensors || fail "--stats or threads change a norm's weights or buffers"
grep -q running_var bn-one.safetensors || fail "the running statistics are not saved"

# pictures, or one sentence where the library has none
if run --model bn --lsuv --lr-find --stats --plot --out pictures > pictures.txt 2> stderr; then
    for name in lr_find loss metrics activations dead stats confusion images; do
        [ "$(head -c 4 "pictures/$name.png" | tail -c 3)" = PNG ] || fail "pictures/$name.png is no picture"
    done
else
    grep -q cairo stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "--plot: $(cat stderr)"
fi
"$fashion_mnist" --data data --epochs 1 --lr-find --lsuv --stats > looked.txt
grep -q steepest looked.txt || fail "--lr-find suggests nothing: $(cat looked.txt)"
[ "$(grep -cE "(0\.999|1\.000|1\.001) +[0-9]+$" looked.txt)" -eq 5 ] || fail "--lsuv leaves layers elsewhere than at 1: $(cat looked.txt)"
grep -q "dead" looked.txt || fail "--stats shows nothing: $(cat looked.txt)"

norm() {
    "$batchnorm" --data data --batch-size 20 --epochs 2 "$@"
}
norm --config builtin-bn --quiet --seeds 2 > norms.txt
[ "$(wc -l < norms.txt)" -eq 1 ] || fail "--quiet prints one line: $(cat norms.txt)"
norm --config course-in > course-in.txt
grep -q "^Why: " course-in.txt || fail "a norm that cannot work is not explained: $(cat course-in.txt)"
norm --config no-norm --lr 1e20 > diverged.txt
grep -q "^diverged: " diverged.txt && ! grep -qi "^[a-z]*:.*\[.*nan" diverged.txt || fail "what diverges is said in words: $(cat diverged.txt)"
! "$batchnorm" --data data --config none > /dev/null 2> stderr || fail "a configuration that does not exist is accepted"
[ "$(wc -l < stderr)" -eq 1 ] || fail "one line on stderr was expected: $(cat stderr)"

challenge() {
    "$fashion_challenge" --data data --recipe conv --batch-size 50 --epochs 3 --seed 1 --quiet "$@"
}
challenge --threads 1 --workers 0 --out challenge-one > challenge.txt
challenge --threads 2 --workers 2 --out challenge-two > /dev/null
cmp challenge-one/conv-3-1.csv challenge-two/conv-3-1.csv || fail "the challenge's metrics depend on threads"
awk '{ exit !($5 >= 0.9) }' challenge.txt || fail "bars at ten heights are not told apart: $(cat challenge.txt)"
challenge --dry-run > dry.txt
[ "$(wc -l < dry.txt)" -eq 122 ] && awk 'NR > 2 && $1 != NR - 3 { exit 1 }' dry.txt || fail "a dry run has a line for each of 120 steps: $(cat dry.txt)"
challenge --epochs 1 --recipe resnet-aug --out each > /dev/null
challenge --epochs 1 --recipe resnet-aug --out all --per-batch > /dev/null
! cmp -s each/resnet-aug-1-1.csv all/resnet-aug-1-1.csv || fail "--per-batch changes nothing"
if challenge --plot --out drawn > /dev/null 2> stderr; then
    [ "$(head -c 4 drawn/hypers.png | tail -c 3)" = PNG ] || fail "drawn/hypers.png is no picture"
else
    grep -q cairo stderr || fail "--plot: $(cat stderr)"
fi
challenge --holdout --seeds 2 --tta | grep -q -- "+- .* tta " || fail "two seeds have no spread"

# lesson 9: what is done by hand comes out as what the library does, whatever the number of threads and workers
"$lesson9" --data data --threads 1 --workers 0 > lesson.txt
"$lesson9" --data data --threads 2 --workers 2 > lesson-two.txt
cmp lesson.txt lesson-two.txt || fail "lesson 9 depends on threads"
steps=$("$lesson9" --help | sed -nE 's/^ *--step NAME +one of all, (.*) \(all\)$/\1/p' | tr -d ,)
[ "$(grep -c '^== ' lesson.txt)" -eq "$(echo "$steps" | wc -w)" ] || fail "steps are missing: $(grep '^== ' lesson.txt)"
for step in $steps; do
    grep -q "^== $step$" lesson.txt || fail "the step $step did not run"
done
# same WORDS-OF-ONE-LINE WORDS-OF-ANOTHER: both lines of the step end in the same numbers
same() {
    [ "$(sed -n "s/^ *$1 *//p" lesson.txt)" = "$(sed -n "s/^ *$2 *//p" lesson.txt)" ] || fail "\"$1\" and \"$2\" differ: $(cat lesson.txt)"
    grep -q "^ *$1" lesson.txt || fail "there is no \"$1\""
}
same "x - (m + log(sum exp(x - m)))" "the library's log-softmax"
same "x - (m + log(sum exp(x - m)))" "the library's cross entropy"
same "LR_Find:" "the library:"
"$lesson9" --data data --step loop > loop.txt
[ "$(sed -n '/^our/,/^the/s/^  //p' loop.txt)" = "$(sed -n "/^the library's/,\$s/^  //p" loop.txt)" ] || fail "our optimizer and the library's differ: $(cat loop.txt)"
if "$lesson9" --data data --step annealing --plot lesson > /dev/null 2> stderr; then
    for name in annealing recorder; do
        [ "$(head -c 4 "lesson/$name.png" | tail -c 3)" = PNG ] || fail "lesson/$name.png is no picture"
    done
else
    grep -q cairo stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "--plot: $(cat stderr)"
fi
mkdir few
"$make_idx" few 1199 10
! "$lesson9" --data few > /dev/null 2> stderr || fail "lesson 9 reads images that are not there"
grep -q "1199 training images" stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "too few images: $(cat stderr)"
! "$lesson9" --data data --step none > /dev/null 2> stderr || fail "a step that does not exist is accepted"
[ "$(wc -l < stderr)" -eq 1 ] || fail "one line on stderr was expected: $(cat stderr)"

"$fashion_mnist" --data data --epochs 1 --summary > six.txt
grep -q 4,474 six.txt || grep -q 4474 six.txt || fail "--summary does not show the 4474 parameters: $(cat six.txt)"
"$fashion_mnist" --help | grep -q -- --batch-size || fail "--help does not help"
[ -z "$(find . -name '*.partial*')" ] || fail "temporary files are left"
echo "the examples work"

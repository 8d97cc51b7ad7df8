#!/bin/sh
# threes.sh MNIST_3S_7S MAKE_IDX IDX_TO_PNG: every step of the example on a small synthetic data set, from IDX files and from
# folders of PNG images, on the device SOCLE_TEST_DEVICE (cpu). On so few images a rate of 1 overshoots; the
# slower steps learn them.
set -eu
program=$1 make_idx=$2 idx_to_png=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() {
    echo "$*"
    exit 1
}
run() {
    "$program" --data data --device "${SOCLE_TEST_DEVICE:-cpu}" --seed 3 "$@"
}
results() {
    cut -d , -f 1-3 "$1/metrics.csv"
}

mkdir data png
"$make_idx" data 3000 600
"$idx_to_png" data png

run --out one > one.txt
[ "$(results one | wc -l)" -eq 11 ] || fail "a header and ten rows were expected: $(cat one/metrics.csv)"
for method in "mean image (L1)" "mean image (L2)" "non-linear network of modules" "non-linear network and Learner"; do
    results one | grep -F "$method" | awk -F , '{ exit $3 < 0.95 }' ||
        fail "$method: bars at two heights are not told apart: $(cat one/metrics.csv)"
done
own=$(results one | sed -n 's/^own linear network,//p')
[ "$own" = "$(results one | sed -n 's/^own linear network and optimizer,//p')" ] ||
    fail "an own optimizer does other steps than own hands: $(cat one/metrics.csv)"
grep -q "slopes 6, 8 and 20" one.txt || fail "the gradient of x^2 at 3, 4 and 10: $(cat one.txt)"

run --threads 1 --workers 2 --quiet --out two > two.txt
results two > two.csv
results one | cmp - two.csv || fail "results depend on threads or workers"
[ "$(wc -l < two.txt)" -eq 11 ] || fail "--quiet prints the table and nothing else: $(cat two.txt)"

if run --data png --step pixels > /dev/null 2> stderr; then
    run --data png --step nonlinear --out three > /dev/null
    grep -Fqx "$(results three | tail -n 1)" two.csv || fail "PNG images give other results than IDX files"
    for name in one/three one/mean3 one/mean7 one/accuracy; do
        [ "$(head -c 4 "$name.png" | tail -c 3)" = PNG ] || fail "$name.png is no picture"
    done
    echo "no image" > png/valid/7/13.png
    ! run --data png --step pixels > /dev/null 2> stderr || fail "what is no image is accepted"
    grep -q "13.png: " stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "PNG: $(cat stderr)"
else
    grep -q cairo stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "PNG: $(cat stderr)"
fi

# refuse WORD OPTION...: no run, one line on stderr with that word
refuse() {
    word=$1
    shift
    ! run "$@" > /dev/null 2> stderr || fail "$* is accepted"
    grep -q -- "$word" stderr && [ "$(wc -l < stderr)" -eq 1 ] || fail "$*: $(cat stderr)"
}
refuse get-data --data nowhere
refuse own-linear --step none
refuse nowhere.f32 --step linear --init nowhere.f32
refuse metrics.csv --step linear --init one/metrics.csv
echo "threes are told from sevens"

#!/bin/sh
# bad_input.sh FASHION_MNIST MAKE_IDX: what a user does wrong gets one sentence on stderr, a non-zero exit, no output file.
set -u
program=$1 make_idx=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

mkdir good other bad_label
"$make_idx" good 200 40 && "$make_idx" other 100 40 && "$make_idx" bad_label 200 40 10 || exit 1

# broken NAME: a copy of the good data to break
broken() {
    mkdir "$1" && cp good/* "$1"
}
broken cut && head -c 2000 good/train-images-idx3-ubyte.gz > cut/train-images-idx3-ubyte.gz
broken corrupt && {
    head -c 2000 good/train-images-idx3-ubyte.gz
    printf 'XXXXXXXX'
    tail -c +2009 good/train-images-idx3-ubyte.gz
} > corrupt/train-images-idx3-ubyte.gz
broken magic && gzip -c < "$make_idx" > magic/t10k-images-idx3-ubyte.gz
broken counts && cp other/train-labels-idx1-ubyte.gz counts
broken lacking && rm lacking/t10k-labels-idx1-ubyte.gz

# refuse EXIT WORDS [ARGUMENT...]: exit status, one line on stderr with these words, nothing under out or weights
refuse() {
    status=$1 words=$2
    shift 2
    timeout 60 "$program" --data good --device ref --epochs 1 --batch-size 50 --out out --save weights "$@" \
        > stdout 2> stderr
    got=$?
    lines=$(wc -l < stderr)
    if [ "$got" -ne "$status" ] || [ "$lines" -ne 1 ] || ! grep -q -- "$words" stderr || [ -e out ] || [ -e weights ]; then
        echo "$*: exit $got (not $status), $lines lines on stderr (\"$words\" expected), files: $(ls -d out weights 2> /dev/null)"
        cat stderr
        failures=$((failures + 1))
        rm -rf out weights
    fi
}

refuse 1 "nowhere.*dataset-fashion-mnist" --data nowhere
refuse 1 "t10k-labels.*dataset-fashion-mnist" --data lacking
refuse 1 "cut/train-images.*ends early" --data cut
refuse 1 "corrupt/train-images.*corrupt" --data corrupt
refuse 1 "magic/t10k-images.*not an IDX file" --data magic
refuse 1 "200 images.*100 labels" --data counts
refuse 1 "label 10 at place 0" --data bad_label
refuse 1 "abacus" --device abacus
refuse 1 "loss is nan\|loss is infinite" --lr 1e30 --epochs 3
refuse 1 "/dev/null/out" --out /dev/null/out
refuse 2 "epochs.*\"0\"" --epochs 0
refuse 2 "epochs.*\"-3\"" --epochs -3
refuse 2 "epochs.*\"3x\"" --epochs 3x
refuse 2 "epochs.*\"\"" --epochs ""
refuse 2 "batch-size.*\"0\"" --batch-size 0
refuse 2 "threads.*\"-1\"" --threads -1
refuse 2 "threads.*\"0\"" --threads 0
refuse 2 "workers.*\"257\"" --workers 257
refuse 2 "seed.*\"-1\"" --seed -1
refuse 2 "seed.*\"99999999999999999999\"" --seed 99999999999999999999
refuse 2 "lr.*\"nan\"" --lr nan
refuse 2 "lr.*\"-0.1\"" --lr -0.1
refuse 2 "model.*conv.*\"transformer\"" --model transformer
refuse 2 "unknown option --frobnicate" --frobnicate
refuse 2 "unknown option" -z
refuse 2 "lr needs a value" --lr
refuse 2 "unexpected argument.*more" more
[ "$failures" -eq 0 ] || exit 1
echo "every bad input was refused"

#!/usr/bin/env bash
# Lesson 9's published figures on the real images: mnist_lesson9.sh LESSON9, on the device SOCLE_TEST_DEVICE (cpu). Exit 77
# (skip) where MNIST is missing.
#
# First weights (the notebook 02a): the figures that the notebook prints are one draw each. Our draws of 20 seeds are compared
# with PyTorch's of 400 on the same images (tests/nn/golden_init.py): their mean is within 4 standard errors of PyTorch's, and
# the published figure within 3 deviations of our mean. Accuracies: means of three seeds, within 0.01 of what is published.
# PyTorch's six seeds: 64 images a step .9621 +- .0122, 50 .9686 +- .0019, 512 at rate 0.5 .9419 +- .0029, 0.3 .9264 +- .0041.
set -euo pipefail
program=$1
data=${SOCLE_MNIST:-$(dirname "$0")/../../data/mnist}
[ -e "$data/train-images-idx3-ubyte.gz" ] || [ -e "$data/train-images-idx3-ubyte" ] || {
    echo "no MNIST in $data (scripts/get-data mnist, or SOCLE_MNIST=DIR): skipped"
    exit 77
}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
lesson() {
    "$program" --data "$data" --device "${SOCLE_TEST_DEVICE:-cpu}" "$@"
}

# ---- first weights ----
for seed in $(seq 1 20); do
    lesson --step sqrt5 --seed "$seed" > "$out/lines"
    lesson --step depth --seed "$seed" | awk '/weights$/ { of = $1; next } { sub(/^ +/, of " "); print }' >> "$out/lines"
    sed -nE 's/^(.*[^ ]) +mean +([-0-9.]+) +std +([0-9.]+)$/\1;\2;\3/p' "$out/lines" >> "$out/draws"
done
# LINE;mean or std;PyTorch's mean;its deviation;published, or nothing
cat > "$out/expected" << 'END'
convolution;mean;-0.00034;0.02205;
convolution;std;0.64083;0.03666;
convolution, ReLU;mean;0.21814;0.01789;0.22
convolution, ReLU;std;0.39730;0.03633;0.37
Kaiming for no ReLU: convolution;std;1.09809;0.06807;
Kaiming, normal: convolution, ReLU;mean;0.51475;0.03702;0.555
Kaiming, normal: convolution, ReLU;std;0.95952;0.09295;1.020
Kaiming, uniform: convolution, ReLU;mean;0.51704;0.03503;0.56
Kaiming, uniform: convolution, ReLU;std;0.95580;0.08379;1.09
PyTorch's outputs;mean;-0.00034;0.04395;
PyTorch's outputs;std;0.00882;0.00267;0.0065
PyTorch's gradient of the first weights;std;0.03660;0.01256;0.033
Kaiming's outputs;mean;-0.00090;0.57006;
Kaiming's outputs;std;0.31051;0.08466;0.404
Kaiming's gradient of the first weights;std;0.54295;0.18162;0.423
END
awk -F ';' '
    NR == FNR { n[$1]++; sum[$1 ";mean"] += $2; sum[$1 ";std"] += $3; next }
    {
        key = $1 ";" $2
        if (n[$1] != 20) { print "20 draws of \"" $1 "\" were expected, not " n[$1] + 0; bad = 1; next }
        ours = sum[key] / 20
        errors = (ours - $3) / ($4 * sqrt(1 / 20 + 1 / 400))
        away = $5 == "" ? 0 : ($5 - ours) / $4
        printf "%-42s %-4s %8.4f, PyTorch %8.4f (%4.1f errors)", $1, $2, ours, $3, errors
        if ($5 != "") printf ", published %.4f (%4.1f deviations)", $5, away
        print ""
        if (errors > 4 || errors < -4 || away > 3 || away < -3) { print "  out of bounds"; bad = 1 }
    }
    END { exit bad }' "$out/draws" "$out/expected"

# ---- accuracies ----
# near WHAT PUBLISHED: the mean of the three numbers on stdin
near() {
    awk -v what="$1" -v want="$2" '
        { n++; sum += $1; all = all " " $1 }
        END { mean = sum / n; printf "%-40s%s, mean %.4f, published %.4f\n", what, all, mean, want
              if (n != 3 || mean < want - 0.01 || mean > want + 0.01) { print "  out of bounds"; exit 1 } }'
}
for seed in 1 2 3; do
    lesson --step validation --seed $seed > "$out/validation-$seed"
    lesson --step validation --batch-size 50 --seed $seed > "$out/fifty-$seed"
    lesson --step annealing --plot "$out/pictures" --seed $seed > "$out/annealing-$seed" 2> /dev/null ||
        lesson --step annealing --seed $seed > "$out/annealing-$seed"
done
sed -nE 's/^epoch 4: .*means: [0-9.]+ ([0-9.]+)$/\1/p' "$out"/validation-? | near "64 images a step, 5 epochs" 0.9625
sed -nE 's/^epoch 4: .* accuracy ([0-9.]+);.*/\1/p' "$out"/fifty-? | near "50 images a step, 5 epochs" 0.9687
# third LINE: the validation accuracy of the third epoch after that line
third() {
    for file in "$out"/annealing-?; do
        awk -v line="$1" '$0 == line { n = 1; next } n && n++ == 3 { gsub(/\]/, ""); print $NF; exit }' "$file"
    done
}
third "lr 0.5" | near "512 images a step, 3 epochs, rate 0.5" 0.9397
third "lr 0.3" | near "rate 0.3" 0.9218
third "lr 0.3, 0.6, 0.2 along cosines" | near "rate 0.3, 0.6, 0.2 along cosines" 0.9400

#!/bin/sh
# Lesson 9 on the OpenCL device prints the CPU's tables: lesson9.sh LESSON9 MAKE_IDX. The same words everywhere; numbers before
# any training to 0.001 of 1 or of themselves, those after it, when roundings have grown, to 0.02.
set -eu
lesson9=$1 make_idx=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

mkdir data
"$make_idx" data 2000 200
for device in cpu cl; do
    "$lesson9" --data data --device $device > $device.txt
done
# pictures as text: their lines have an axis or, below it, no letter but those of labels
tables() {
    awk '/^== / { trained = index("loop validation callbacks accumulate annealing cancelling finder", $2) > 0 }
         /^ *[-0-9.e]*[|+]/ || /^ +[0-9]/ || /^   / { if (!/mean.*std/) next }
         { print trained + 0, $0 }' "$1"
}
tables cpu.txt > cpu
tables cl.txt > cl
paste cpu cl | awk -F '\t' '
    function number(s) { return s ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }
    {
        n = split($1, a, /[][ ,;:()]+/); m = split($2, b, /[][ ,;:()]+/); same = n == m
        for (i = 1; i <= n && same; i++) {
            if (!number(a[i]) || !number(b[i])) { same = a[i] == b[i]; continue }
            size = a[i] < 0 ? -a[i] : a[i]; away = a[i] < b[i] ? b[i] - a[i] : a[i] - b[i]
            same = away <= (a[1] ? 0.02 : 0.001) * (size > 1 ? size : 1)
        }
        lines++
        if (!same) { print "cpu: " $1; print "cl:  " $2; bad = 1 }
    }
    END { print lines " lines compared"; exit bad || lines < 80 }'

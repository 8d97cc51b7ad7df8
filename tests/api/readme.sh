#!/usr/bin/env bash
# The programs in the README are the ones in examples/, to the letter: readme.sh TOP
set -euo pipefail
top=$1
# block NAME: the C block of the README that follows the first mention of examples/NAME
block() {
    awk -v name="examples/$1" '
        index($0, name) { seen = 1 }
        seen && /^```$/ && inside { exit }
        inside { print }
        seen && /^```c$/ { inside = 1 }' "$top/README.md"
}
for name in readme_train.c readme_callback.c; do
    if ! diff <(block "$name") "$top/examples/$name"; then
        echo "README.md does not show examples/$name as it is" >&2
        exit 1
    fi
done
lines=$(wc -l < "$top/examples/readme_train.c")
if [ "$lines" -gt 40 ]; then
    echo "examples/readme_train.c has $lines lines, more than the 40 that the README promises" >&2
    exit 1
fi

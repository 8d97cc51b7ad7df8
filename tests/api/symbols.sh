#!/bin/sh
# The shared library exports exactly what the headers declare, and nothing without the prefix; each object of CPU
# kernels exports one symbol, its table, so that no linker can keep one instruction set's copy of a function for all:
# symbols.sh INCLUDE_DIR LIBRARY ISA_OBJECT ...
set -u
include=$1 library=$2
shift 2
nm=${NM:-nm}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# SOCLE_API type *socle_name(: the identifier before the first parenthesis.
cat "$include"/socle/*.h "$include"/socle/sys/*.h |
    sed -n 's/^SOCLE_API [^(]*[ *]\([A-Za-z_0-9]*\)(.*/\1/p' | sort -u >"$work/declared"
"$nm" -D --defined-only "$library" | awk '{ print $NF }' | sed 's/@.*//' | grep -v -e '^_init$' -e '^_fini$' |
    sort -u >"$work/exported"

failed=0
for name in $(grep -v '^socle_' "$work/exported"); do
    echo "exported without the prefix: $name"
    failed=1
done
for name in $(comm -23 "$work/declared" "$work/exported"); do
    echo "declared but not exported: $name"
    failed=1
done
for name in $(comm -13 "$work/declared" "$work/exported"); do
    echo "exported but not declared: $name"
    failed=1
done
for object in "$@"; do
    isa=$(basename "$object" | sed 's/^isa_\([a-z0-9]*\)\..*/\1/')
    names=$("$nm" -g --defined-only "$object" | awk '{ print $NF }')
    if [ "$names" != "socle_cpu_$isa" ]; then
        echo "$(basename "$object") exports: $names"
        failed=1
    fi
done
echo "$(wc -l <"$work/declared") functions declared, $# objects of kernels"
[ -s "$work/declared" ] && exit $failed

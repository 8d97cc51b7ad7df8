#!/bin/sh
# Every public header compiles alone, twice in a row, without a warning: headers.sh c|c++ INCLUDE_DIR COMPILER
set -u
language=$1 include=$2 compiler=${3:-}
case $compiler in
"" | *NOTFOUND)
    echo "skipped: no $language compiler is installed"
    exit 77
    ;;
esac
case $language in
c) standards="c11" flags="-Wall -Wextra -Wpedantic -Wstrict-prototypes" ;;
c++) standards="c++11 c++17 c++20" flags="-Wall -Wextra -Wpedantic -Wold-style-cast" ;;
esac

cd "$include" || exit 1
failed=0 checked=0
for header in socle/*.h socle/sys/*.h; do
    for standard in $standards; do
        # Pedantic C wants a translation unit that declares something.
        if ! printf '#include <%s>\n#include <%s>\nextern int last_line;\n' "$header" "$header" |
            "$compiler" -x "$language" -std="$standard" $flags -Werror -fsyntax-only -I. -; then
            echo "$header does not compile alone as $standard"
            failed=1
        fi
        checked=$((checked + 1))
    done
done
echo "$checked compilations"
[ "$checked" -gt 0 ] && exit $failed

#!/usr/bin/env bash
# From a fresh Debian 12 to a finished two-way sync: installs what is missing, builds, and synchronises a real tree
# after edits, deletions, renames and one conflict on both sides. Works in a temporary directory; touches nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

.ci/install build
echo "== Building (the first time takes a few minutes)"
cmake --preset release >/dev/null
cmake --build --preset release --parallel "$(nproc)" -- --quiet
PATH="$PWD/build/release/bin:$PATH"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME="$work/state"
laptop="$work/laptop"
server="$work/server"

show() {
    printf '\n$ %s\n' "${*//$work\//}"
    (cd "$work" && "$@") || status=$?
    [ "${status:-0}" -eq 0 ] || printf '(exit %s)\n' "$status"
    status=0
}

echo "== A real tree: the C and C++ headers of this machine, on a laptop; an empty server"
mkdir "$server"
cp -r /usr/include "$laptop"
show syncline sync laptop server

echo
echo "== Work on both sides: edits, a new directory, deletions, a rename, and one file edited differently on each"
echo '/* edited on the laptop */' >>"$laptop/stdio.h"
echo '/* edited on the server */' >>"$server/string.h"
mkdir "$laptop/project" && echo 'int main(void) { return 0; }' >"$laptop/project/main.c"
rm "$server/math.h"
rm -r "$laptop/arpa"
mv "$server/ctype.h" "$server/character-types.h"
echo '/* one idea */' >>"$laptop/stdlib.h"
echo '/* another idea */' >>"$server/stdlib.h"

show syncline plan laptop server
show syncline sync laptop server
echo
echo "== Both versions of the conflict are untouched; let a strategy keep both"
show syncline sync laptop server --on-conflict keep-both
show ls laptop/stdlib.h laptop/stdlib.conflict-1.h server/stdlib.h server/stdlib.conflict-1.h
echo
echo "== A second run has nothing to do, and both sides are the same"
show syncline sync laptop server
show diff -r --no-dereference laptop server
echo "No differences. Your turn: build/release/bin/syncline sync DIR1 DIR2"

#!/usr/bin/env bash
# Puts the two packages of the browser tests, at the versions of package-lock.json, into target/e2e.
# Does nothing if they are there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
there="$here/../../target/e2e"
"$here/../../scripts/install.sh"
mkdir -p "$there"
exec 9>"$there/.lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$there/.installed"; then
  cp "$here/package.json" "$here/package-lock.json" "$there/"
  (cd "$there" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
  cp "$here/package-lock.json" "$there/.installed"
fi

#!/usr/bin/env bash
# Installs the Python packages of devkit/python/NAME.txt into target/python/NAME, for tests that need
# a real Celery client, SQLAlchemy or schemathesis. Does nothing if they are there already.
#   scripts/python-env.sh celery-5.3 sqlalchemy      no name means all of them
set -euo pipefail
cd "$(dirname "$0")/.."

names=("$@")
if [ "${#names[@]}" -eq 0 ]; then
  for list in devkit/python/*.txt; do names+=("$(basename "$list" .txt)"); done
fi
target=${CARGO_TARGET_DIR:-target}/python
mkdir -p "$target"
for name in "${names[@]}"; do
  list=devkit/python/$name.txt
  [ -f "$list" ] || { echo "error: there is no $list" >&2; exit 1; }
  (
    flock 9
    cmp -s "$list" "$target/$name/.installed" && exit 0
    echo "installing $name into $target/$name"
    rm -rf "${target:?}/$name"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
      --no-deps --target "$target/$name" --requirement "$list"
    cp "$list" "$target/$name/.installed"
  ) 9>"$target/$name.lock"
done

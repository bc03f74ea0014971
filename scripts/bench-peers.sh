#!/usr/bin/env bash
# Measures other job systems beside the engine, all driven and counted by the peers' harness.
#
#   scripts/bench-peers.sh [PEER,PEER]     celery,... ; all of the usual ones if none is named
#
#   PEERS_HARNESS  where the harness is                        (../shared/bench/peers)
#   PEERS_HOME     where peers are installed and results go    (/tmp/peers)
#   REDIS          mem, aof or mem,aof                         (mem)
#   PHASES         enqueue,drain,drain2,idle,sleep             (all)
#   VARIANTS       of the peers, by name                       (all)
#   REPS           runs of each figure                         (3)
#   QUICK=1        a tenth of the jobs, one run: does it work?
#   SETUP=0        measure what is installed already
#
# The harness is not part of this project and its folder is only read: a copy of it under
# $PEERS_HOME gets the engine's peer (benches/peer) and runs. Needs Rust, Node, Python 3.11 and
# Debian's redis-server; Sidekiq comes from Debian too.
set -euo pipefail

cd "$(dirname "$0")/.."
export ROUAGE_ROOT=$PWD
export PEERS_HOME=${PEERS_HOME:-/tmp/peers}
harness=${PEERS_HARNESS:-../shared/bench/peers}
peers=${1:-raw,rouage,apalis,bullmq-rs,bullmq,rusty-sidekiq,rusty-celery,sidekiq,celery,dramatiq,rq,saq,taskiq}

if [ ! -f "$harness/run.py" ]; then
  echo "error: no peers' harness in $harness" >&2
  echo "hint: PEERS_HARNESS=FOLDER make bench-peers, FOLDER being the one with run.py in it" >&2
  exit 1
fi
for tool in cargo python3 redis-server redis-benchmark; do
  command -v "$tool" >/dev/null || { echo "error: $tool is missing; hint: install it" >&2; exit 1; }
done

own=$PEERS_HOME/harness
mkdir -p "$PEERS_HOME"
rm -rf "$own"
cp -r --no-preserve=mode,ownership "$harness" "$own"
cp -r "$ROUAGE_ROOT/benches/peer" "$own/peers/rouage"
find "$own" -type f -exec grep -lZ '^#!' {} + | xargs -0 chmod +x

out=$PEERS_HOME/results-$(date -u +%Y%m%d-%H%M%S).jsonl
quick=()
reps=${REPS:-3}
[ "${QUICK:-0}" = 0 ] || { quick=(--quick); reps=1; }
redis=${REDIS:-mem}

if [ "${SETUP:-1}" != 0 ]; then
  # A peer that cannot be installed here is told and left out, the others are measured.
  failed=
  for peer in ${peers//,/ }; do
    "$own/run.py" setup "$peer" >"$PEERS_HOME/setup-$peer.log" 2>&1 && continue
    echo "warning: $peer is left out, it cannot be installed; hint: see $PEERS_HOME/setup-$peer.log" >&2
    failed="$failed $peer"
  done
  for peer in $failed; do
    peers=$(tr ',' '\n' <<<"$peers" | grep -vx "$peer" | paste -sd,)
  done
fi
[ -n "$peers" ] || { echo "error: no peer is left to measure" >&2; exit 1; }

[ "${QUICK:-0}" != 0 ] || "$own/run.py" limits --redis "$redis" --reps "$reps" --out "$out"
"$own/run.py" bench --redis "$redis" --peers "$peers" --reps "$reps" --out "$out" \
  ${PHASES:+--phases "$PHASES"} ${VARIANTS:+--variants "$VARIANTS"} "${quick[@]}"

{
  echo "Measured on $(date -u +%Y-%m-%d): $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(nproc) cores," \
    "Linux $(uname -r), Redis $(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/'), commit $(git describe --always --dirty)"
  echo "Command: REDIS=$redis REPS=$reps QUICK=${QUICK:-0} scripts/bench-peers.sh $peers"
  echo
  "$own/report.py" "$out" --base bullmq-rs/c100 --limit raw/lmove-64
} | tee "${out%.jsonl}.md"
echo "samples: $out" >&2

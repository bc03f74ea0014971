#!/usr/bin/env bash
# Breaks the engine on purpose, one line at a time, and sees whether its tests notice.
#
#   scripts/mutants.sh [NAME...]     all mutations, or only those named
#
# Works on a copy under target/mutants with its own build folder, so the tree and its build stay
# as they are. Each mutation is one sed expression on one file and the tests that must go red.
# The same tests run on the unchanged copy first: only a test that passes there proves anything.
# A mutation that changes nothing or does not compile is an error, not a success.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-nextest >/dev/null || { echo "error: cargo-nextest is missing; hint: cargo install cargo-nextest" >&2; exit 1; }

home=$PWD/target/mutants
copy=$home/tree
export CARGO_TARGET_DIR=$home/build

# NAME | file under engine/src | sed expression | tests, separated by spaces
mutations=$(cat <<'END'
fence of successes|scripts/ack.lua|s/if all_good or was_good(string.sub(member, 1, colon - 1), id) then/if true then/|guarantee_2_an_outcome_under_an_old_fence_changes_nothing
fence of other outcomes|scripts/ack.lua|s/if redis.call('ZREM', keys.lease, member) == 0 then/if redis.call('ZREM', keys.lease, member) == 7 then/|r4_late_failures_under_an_old_fence_change_nothing
fence of beats|scripts/beat.lua|s/if deadlines\[n\] then/if true then/|guarantee_2_an_outcome_under_an_old_fence_changes_nothing
sweep|scripts/sweep.lua|s/'LIMIT', 0, ARGV\[1\]/'LIMIT', 0, 0/|r3_a_claim_that_is_never_answered_gives_its_jobs_back_after_the_lease
crash loop threshold|backend/keep.rs|s/MAX_LOST: u32 = 3;/MAX_LOST: u32 = 300;/|r5_a_job_that_kills_its_worker_three_times_is_held_and_its_neighbour_finishes
suspects one at a time|scripts/claim.lua|s/may_suspect = may_suspect and lost < SUSPECT_AFTER/may_suspect = true/|r5_a_job_that_always_ends_its_process_does_not_take_its_neighbours_along
unique index removal|scripts/ending.lua|s/redis.call('HDEL', keys.unique_key, id)//|guarantee_5_whatever_ends_a_job_frees_its_key
promotion bound|scripts/claim.lua|s/local left = most/local left = 1000000/|guarantee_4_one_claim_lines_up_a_bounded_number_of_due_jobs
entry without a record|scripts/claim.lua|s/if not envelope then/if false then/|d2_an_index_entry_without_a_record_is_dropped
wake on enqueue|scripts/enqueue.lua|s/^  wake()$//|an_idle_worker_is_woken_by_a_new_job
even if full|scripts/prelude.lua|s/redis.call('ZREM', zset, '')//|n6_a_full_redis_refuses_new_jobs_and_lets_running_ones_end
prune|scripts/prune.lua|s/local left, removed = most, 0/local left, removed = 0, 0/|guarantee_6_finished_jobs_leave_by_count_and_everything_of_theirs_with_them
refund|executor/carry.rs|s/let refund = .*/let refund = false;/|guarantee_9_what_does_not_finish_in_the_grace_is_handed_back_with_its_attempt a_snoozed_job_comes_back_without_losing_an_attempt
jitter|policy.rs|s/ceiling.mul_f64(random.clamp(0.0, 1.0))/ceiling/|l2_five_thousand_failures_at_once_come_back_spread_over_the_interval
beats|backend/beat.rs|s/_ = beat.tick() => self.beat_all().await,/_ = beat.tick() => Ok(()),/|r6_a_blocking_handler_does_not_stop_the_beats
repeated outcomes|backend/ack.rs|s/repeated = true;/return;/|n2_an_outcome_waits_for_redis_to_come_back
cancelled however it ends|scripts/ack.lua|s/if is_cancelled(id, outcome) then/if false then/|a_request_stands_when_the_attempt_fails_or_is_put_off a_request_that_the_worker_never_heard_stands_when_it_hands_the_job_back
cancelled and blocking|backend/held.rs|s/self.overdue = self.overdue.min(end);//|a_handler_that_blocks_its_thread_loses_its_lease_and_its_job_is_cancelled
record deleted|scripts/sweep.lua|s/attempt, lost, fence, score, started, worker = '0'.*//|a_running_job_whose_record_was_deleted_is_held_and_not_lost
quiet|backend/gate.rs|s/let open = .*/let open = true;/|a_quiet_worker_finishes_what_it_runs_and_claims_nothing_until_it_is_resumed
orders with beats|backend/beat.rs|s/_ = look.tick() => self.look().await,/_ = look.tick() => Ok(()),/|an_order_whose_message_is_lost_is_seen_with_the_next_beat
fewer slots|backend/slots.rs|s/let all = self.all();/let all = 10_000;/|fewer_slots_interrupt_nothing_and_hold_as_jobs_end
prune after a burst|backend/keep.rs|s/ || self.held.begun() != begun//|a_burst_that_an_idle_worker_ran_between_two_looks_leaves_too
group counter|scripts/groups.lua|s/keys.group_running, group, -1) <= 0/keys.group_running, group, 0) <= 0/|whatever_ends_an_attempt_frees_its_place_in_the_group
group limit|scripts/groups.lua|s/return limit and limit - group_running(group) or math.huge/return math.huge/|a_group_never_runs_more_jobs_at_once_than_its_limit
group fairness|scripts/claim.lua|s/others and 1 or want/want/|every_single_job_starts_within_two_slot_times_of_a_group_of_thousands
rate|scripts/limit.lua|s/if wait > longest then/wait = 0 if false then/|three_workers_together_stay_within_the_rate_of_a_kind_at_every_moment a_long_wait_is_a_snooze_whose_reason_names_the_limit
breaker ratio|scripts/breaker_tell.lua|s/if attempts >= least and/if false and/|a_breaker_opens_on_the_ratio_and_its_jobs_wait_without_losing_an_attempt
number of probes|scripts/breaker_ask.lua|s/>= most then/>= 1000 then/|three_workers_let_exactly_the_probes_through_and_then_everything
dead probes|scripts/breaker_ask.lua|s/^redis.call('ZREMRANGEBYSCORE'.*//|a_probe_whose_worker_died_does_not_block_its_place_for_ever
forgotten scripts|link/mod.rs|s/ServerErrorKind::NoScript/ServerErrorKind::ReadOnly/|n6_forgotten_scripts_are_loaded_again
END
)

# Prints the first test that failed, or nothing if all passed; ends the script on anything else.
failing_test() {
  local filter='' log=$home/log status=0
  for name in "$@"; do filter+="${filter:+ | }test(/(^|::)$name\$/)"; done
  (cd "$copy" && cargo nextest run --package rouage --test engine --test faults --offline --no-fail-fast \
    --color never --retries 0 --no-tests fail --filterset "$filter") >"$log" 2>&1 || status=$?
  case $status in
    0) ;;
    100) grep -m 1 -E '^ *(FAIL|ABORT|SIG[A-Z]+|TIMEOUT) ' "$log" | sed 's/.* //' ;;
    *) tail -n 30 "$log" >&2; echo "error: the tests could not be run" >&2; exit 2 ;;
  esac
}

wanted() {
  local name=$1; shift
  [ $# -eq 0 ] && return
  local one; for one in "$@"; do [ "$one" = "$name" ] && return; done
  return 1
}

chosen=() all_tests=()
while IFS='|' read -r name file expression tests; do
  wanted "$name" "$@" || continue
  chosen+=("$name|$file|$expression|$tests")
  read -ra words <<<"$tests"
  all_tests+=("${words[@]}")
done <<<"$mutations"
[ "${#chosen[@]}" -gt 0 ] || { echo "error: no such mutation: $*" >&2; exit 1; }

# The files as they are now, local changes included; dated now, so that no build of an earlier
# run, mutated as it was, is taken for theirs.
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --ignore-failed-read -cf - 2>/dev/null | tar -xmf - -C "$copy"
# A broken engine makes tests wait in vain; ten seconds of that are enough.
sed -i 's/PATIENCE: Duration = Duration::from_secs(40)/PATIENCE: Duration = Duration::from_secs(10)/' \
  "$copy/engine/tests/stage/running.rs"

failed=$(failing_test "${all_tests[@]}")
[ -z "$failed" ] || { echo "error: $failed fails without any mutation" >&2; exit 1; }
echo "all ${#all_tests[@]} tests pass on the unchanged engine"

green=0
for mutation in "${chosen[@]}"; do
  IFS='|' read -r name file expression tests <<<"$mutation"
  path=$copy/engine/src/$file
  original=$(mktemp "$home/original.XXXXXX")
  cp "$path" "$original"
  sed -i "$expression" "$path"
  if cmp -s "$path" "$original"; then
    rm -f "$original"
    echo "error: mutation '$name' changes nothing in engine/src/$file" >&2
    exit 1
  fi
  read -ra words <<<"$tests"
  failed=$(failing_test "${words[@]}")
  # Written anew: its time of change must differ, or the next build would miss it.
  cat "$original" >"$path"
  rm -f "$original"
  if [ -n "$failed" ]; then
    printf 'red    %-24s by %s\n' "$name" "$failed"
  else
    printf 'GREEN  %-24s although %s\n' "$name" "$tests"
    green=$((green + 1))
  fi
done

rm -rf "$copy"
echo "${#chosen[@]} mutations, $((${#chosen[@]} - green)) noticed, $green not"
[ "$green" -eq 0 ]

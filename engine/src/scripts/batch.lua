-- Put behind the prelude where batches change.
-- KEYS[1] is the batch's base, 'prefix:batch:{id}'; its keys share the hash tag of its id.
--   members  zset of 'queue/id': 0 not over; above 0 since when (ms) it is noted and not known to be
--            stored; -1 completed, -2 discarded, -3 cancelled. Counts are read off the scores, so
--            that nothing can disagree with them.
--   facts    hash: created, sealed, finished, cancelled (ms), tags; on_success, on_complete (the
--            job); success, complete: 'due', then when its job was enqueued (ms)
local COMPLETED = -1
local SCORES = { completed = COMPLETED, discarded = -2, cancelled = -3 }
-- Long enough to look at it on Monday, and to retry what failed while its jobs are still there.
local KEPT_AFTER_FINISH_MS = 7 * 86400000
-- The longest that a discarded member is kept: an older batch could not be retried.
local KEPT_MS = 30 * 86400000

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function score_of(member)
  return tonumber(redis.call('ZSCORE', keys.members, member))
end

local function fact(name)
  return redis.call('HGET', keys.facts, name)
end

-- Notes facts that are not known yet: pairs of name and value in ARGV.
local function note_facts(first, last)
  for i = first, last, 2 do
    redis.call('HSETNX', keys.facts, ARGV[i], ARGV[i + 1])
  end
end

local function keep()
  local last = fact('created') + KEPT_MS
  local finished = fact('finished')
  if finished then
    last = math.min(last, finished + KEPT_AFTER_FINISH_MS)
  end
  redis.call('PEXPIREAT', keys.facts, int(last))
  redis.call('PEXPIREAT', keys.members, int(last))
end

-- Finds out whether the batch is finished; answers the callbacks that must be sent now, as pairs of
-- name and job. Each becomes due once; it is answered again and again until it was sent.
local function weigh(now)
  local pending = redis.call('ZCOUNT', keys.members, 0, '+inf')
  if pending > 0 then
    redis.call('HDEL', keys.facts, 'finished')
  elseif fact('sealed') then
    redis.call('HSETNX', keys.facts, 'finished', int(now))
    if fact('on_complete') then
      redis.call('HSETNX', keys.facts, 'complete', 'due')
    end
    if fact('on_success') and redis.call('ZCOUNT', keys.members, '-inf', -2) == 0 then
      redis.call('HSETNX', keys.facts, 'success', 'due')
    end
  end
  keep()
  local due = {}
  for _, name in ipairs({ 'success', 'complete' }) do
    if fact(name) == 'due' then
      due[#due + 1] = name
      due[#due + 1] = fact('on_' .. name)
    end
  end
  return due
end

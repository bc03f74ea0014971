-- Tells breakers how attempts went, and opens and closes them.
-- PARTS   state, probes, troubled
-- ARGV    window in ms, least attempts, percent of failures, ms open, longest ms open, probes it
--         lends, lease of a probe in ms, then per message: key or '', then 'count' successes
--         failures, or 'good', 'bad', 'void' or 'renew' with the token of a probe and ''
-- RETURNS per message how many ms until its breaker may be asked, 0 if it is closed
-- Bounded by the caller: at most 100 messages a call.
local window, least, percent = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local first, longest, wanted, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local MAX_TROUBLED, DAY = 1000, 86400000

-- Notes a key whose breaker is worth a look. The one without a key is always looked at.
local function trouble(key)
  if key ~= '' then
    redis.call('ZADD', keys.troubled, int(now), key)
    redis.call('ZREMRANGEBYSCORE', keys.troubled, '-inf', int(now - DAY))
    redis.call('ZREMRANGEBYRANK', keys.troubled, 0, -MAX_TROUBLED - 1)
    redis.call('PEXPIRE', keys.troubled, DAY)
  end
end

local function open(key, openings)
  local state = part('state', key)
  local wait = math.min(first * 2 ^ math.min(openings - 1, 30), longest)
  redis.call('DEL', state, part('probes', key))
  redis.call('HSET', state, 'until', int(now + wait), 'openings', openings)
  redis.call('PEXPIRE', state, int(wait + HOUR))
  trouble(key)
end

local tell = {}

function tell.count(key, successes, failures)
  local state = part('state', key)
  -- An attempt that began before the breaker opened says nothing new.
  if redis.call('HEXISTS', state, 'until') == 1 then
    return
  end
  local bucket = bucket_of(window)
  local field = 'b' .. bucket % BUCKETS
  local at, all, failed = string.match(redis.call('HGET', state, field) or '', '^(%d+) (%d+) (%d+)$')
  if tonumber(at) ~= bucket then
    all, failed = 0, 0
  end
  all, failed = all + successes + failures, failed + failures
  redis.call('HSET', state, field, int(bucket) .. ' ' .. all .. ' ' .. failed, 'window', window)
  redis.call('PEXPIRE', state, int(window + 1000))
  if tonumber(failures) > 0 then
    local attempts, bad = counted(state, bucket)
    if attempts >= least and bad * 100 >= percent * attempts then
      open(key, 1)
    else
      trouble(key)
    end
  end
end

function tell.good(key, token)
  if redis.call('ZREM', part('probes', key), token) == 1 then
    if redis.call('HINCRBY', part('state', key), 'passed', 1) >= wanted then
      redis.call('DEL', part('state', key), part('probes', key))
      redis.call('ZREM', keys.troubled, key)
    end
  end
end

function tell.bad(key, token)
  if redis.call('ZREM', part('probes', key), token) == 1 then
    open(key, (redis.call('HGET', part('state', key), 'openings') or 0) + 1)
  end
end

function tell.void(key, token)
  redis.call('ZREM', part('probes', key), token)
end

function tell.renew(key, token)
  local probes = part('probes', key)
  if redis.call('ZSCORE', probes, token) then
    redis.call('ZADD', probes, int(now + lease), token)
    redis.call('PEXPIRE', probes, lease)
    redis.call('PEXPIRE', part('state', key), HOUR)
  end
end

local answers = {}
for i = 8, #ARGV, 4 do
  local key = ARGV[i]
  tell[ARGV[i + 1]](key, ARGV[i + 2], ARGV[i + 3])
  local until_ms = redis.call('HGET', part('state', key), 'until')
  answers[#answers + 1] = until_ms and math.max(until_ms - now, 1) or 0
end
return answers

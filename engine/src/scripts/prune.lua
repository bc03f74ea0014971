-- Removes finished jobs that are too old or too many, with everything that belongs to them.
-- PARTS   job, the tables beside it, waiting, count, completed, discarded, cancelled, signals,
--         unarchived, unique, unique_key, unique_until, known
-- ARGV    most jobs a call, then for completed, discarded, cancelled: longest age in ms, most jobs
-- RETURNS jobs removed
local now = math.floor(now_us() / 1000)
local most = tonumber(ARGV[1])
local left, removed = most, 0
-- What the history has not got yet stays, on top of the number that is kept.
local unarchived = redis.call('LLEN', keys.unarchived)

-- The tables that hold anything.
local tables = {}
for _, part in ipairs({ 'job', 'run', 'result', 'error', 'progress', 'checkpoint', 'log', 'replayed' }) do
  if any(keys[part]) then
    tables[#tables + 1] = keys[part]
  end
end

-- Without those whose followers were not told yet.
local function told(ids)
  if #ids == 0 or not any(keys.signals) then
    return ids
  end
  local kept, signals = {}, redis.call('HMGET', keys.signals, unpack(ids))
  for n, id in ipairs(ids) do
    if not signals[n] then
      kept[#kept + 1] = id
    end
  end
  return kept
end

for n, state in ipairs({ 'completed', 'discarded', 'cancelled' }) do
  local index = keys[state]
  local age, count = tonumber(ARGV[n * 2]), tonumber(ARGV[n * 2 + 1])
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. int(now - age), 'LIMIT', 0, left)
  local surplus = math.min(left, redis.call('ZCARD', index) - count - unarchived)
  if surplus > 0 and surplus >= #old then
    old = redis.call('ZRANGE', index, 0, surplus - 1)
  end
  old = told(old)
  if #old > 0 then
    for _, beside in ipairs(tables) do
      redis.call('HDEL', beside, unpack(old))
    end
    if #old == surplus then
      redis.call('ZREMRANGEBYRANK', index, 0, surplus - 1)
    else
      redis.call('ZREM', index, unpack(old))
    end
    removed = removed + #old
    left = left - #old
  end
end
if removed > 0 then
  redis.call('HINCRBY', keys.count, 'pruned', removed)
end
redis.call('ZREMRANGEBYSCORE', keys.waiting, '-inf', int(now))

-- Windows that closed: their keys are free unless a live job has them.
local closed = redis.call('ZRANGEBYSCORE', keys.unique_until, '-inf', int(now), 'LIMIT', 0, most)
for _, key in ipairs(closed) do
  local owner = redis.call('HGET', keys.unique, key)
  if owner and redis.call('HEXISTS', keys.unique_key, owner) == 0 then
    redis.call('HDEL', keys.unique, key)
  end
  redis.call('ZREM', keys.unique_until, key)
end

-- Ids that nobody asks for any more.
local unknown = redis.call('ZRANGEBYSCORE', keys.known, '-inf', int(now), 'LIMIT', 0, most)
if #unknown > 0 then
  redis.call('ZREM', keys.known, unpack(unknown))
end
return removed

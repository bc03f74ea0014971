-- Removes finished jobs that are too old or too many, with everything that belongs to them.
-- KEYS    job, run, result, error, progress, checkpoint, waiting, count, completed, discarded,
--         cancelled, unique, unique_key, unique_until
-- ARGV    most jobs a call, then for completed, discarded, cancelled: longest age in ms, most jobs
-- RETURNS jobs removed
local now = math.floor(now_us() / 1000)
local left = tonumber(ARGV[1])
local removed = 0

for n = 1, 3 do
  local index = KEYS[8 + n]
  local age, most = tonumber(ARGV[n * 2]), tonumber(ARGV[n * 2 + 1])
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. int(now - age), 'LIMIT', 0, left)
  local surplus = math.min(left, redis.call('ZCARD', index) - most)
  if surplus > #old then
    old = redis.call('ZRANGE', index, 0, surplus - 1)
  end
  if #old > 0 then
    for k = 1, 6 do
      redis.call('HDEL', KEYS[k], unpack(old))
    end
    redis.call('ZREM', index, unpack(old))
    removed = removed + #old
    left = left - #old
  end
end
if removed > 0 then
  redis.call('HINCRBY', KEYS[8], 'pruned', removed)
end
redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', int(now))

-- Windows that closed: their keys are free unless a live job has them.
local closed = redis.call('ZRANGEBYSCORE', KEYS[14], '-inf', int(now), 'LIMIT', 0, ARGV[1])
for _, key in ipairs(closed) do
  local owner = redis.call('HGET', KEYS[12], key)
  if owner and redis.call('HEXISTS', KEYS[13], owner) == 0 then
    redis.call('HDEL', KEYS[12], key)
  end
  redis.call('ZREM', KEYS[14], key)
end
return removed

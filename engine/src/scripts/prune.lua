-- Removes finished jobs that are too old or too many, with everything that belongs to them.
-- KEYS    job, run, result, error, progress, waiting, count, completed, discarded, cancelled
-- ARGV    most jobs a call, then for completed, discarded, cancelled: longest age in ms, most jobs
-- RETURNS jobs removed
local now = math.floor(now_us() / 1000)
local left = tonumber(ARGV[1])
local removed = 0

for n = 1, 3 do
  local index = KEYS[7 + n]
  local age, most = tonumber(ARGV[n * 2]), tonumber(ARGV[n * 2 + 1])
  local old = redis.call('ZRANGEBYSCORE', index, '-inf', '(' .. int(now - age), 'LIMIT', 0, left)
  local surplus = math.min(left, redis.call('ZCARD', index) - most)
  if surplus > #old then
    old = redis.call('ZRANGE', index, 0, surplus - 1)
  end
  if #old > 0 then
    for k = 1, 5 do
      redis.call('HDEL', KEYS[k], unpack(old))
    end
    redis.call('ZREM', index, unpack(old))
    removed = removed + #old
    left = left - #old
  end
end
if removed > 0 then
  redis.call('HINCRBY', KEYS[7], 'pruned', removed)
end
redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', int(now))
return removed

-- Lets parked tasks of a queue of apalis-redis be taken again, or removes them for ever.
-- KEYS    the queue's name
-- ARGV    'retry' or 'discard', how many of the oldest, then tasks by their ids
-- RETURNS tasks that were parked and are not any more
-- Bounded by the caller: at most 500 tasks a call.
local queue, word = KEYS[1], ARGV[1]
local parked, reasons = queue .. ':rouage:parked', queue .. ':rouage:reasons'

local ids = { unpack(ARGV, 3) }
if tonumber(ARGV[2]) > 0 then
  ids = redis.call('ZRANGE', parked, 0, ARGV[2] - 1)
end
local decided = 0
for _, id in ipairs(ids) do
  if redis.call('ZREM', parked, id) == 1 then
    decided = decided + 1
    redis.call('HDEL', reasons, id)
    if word == 'retry' then
      redis.call('ZADD', queue .. ':rouage:holding', 0, '0:' .. id)
    else
      redis.call('HDEL', queue .. ':data', id)
      redis.call('DEL', queue .. ':meta:' .. id)
    end
  end
end
return decided

-- Keeps a message that became no job, and lets the oldest go when there are too many.
-- PARTS   parked, parked_index, count
-- ARGV    id, record, reason, most messages
-- RETURNS how many were let go
if redis.call('HSETNX', keys.parked, ARGV[1], ARGV[2]) == 0 then
  return 0
end
redis.call('ZADD', keys.parked_index, int(now_us() / 1000), ARGV[1])
redis.call('HINCRBY', keys.count, 'parked:' .. ARGV[3], 1)
local gone = 0
while redis.call('ZCARD', keys.parked_index) > tonumber(ARGV[4]) and gone < 100 do
  local oldest = redis.call('ZPOPMIN', keys.parked_index)
  redis.call('HDEL', keys.parked, oldest[1])
  gone = gone + 1
end
return gone

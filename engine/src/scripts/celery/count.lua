-- Counts messages that stay where they are, each once however often it is seen.
-- PARTS   seen, count
-- ARGV    ms and number of the messages to remember, then per message: what it is counted as, its mark
-- RETURNS how many were new
local now = now_us() / 1000
local new = 0
for i = 3, #ARGV, 2 do
  if redis.call('ZADD', keys.seen, 'NX', int(now), ARGV[i + 1]) == 1 then
    redis.call('HINCRBY', keys.count, ARGV[i], 1)
    new = new + 1
  end
end
redis.call('ZREMRANGEBYSCORE', keys.seen, '-inf', int(now - ARGV[1]))
redis.call('ZREMRANGEBYRANK', keys.seen, 0, -1 - ARGV[2])
return new

-- Forgets signals that were told, unless they changed meanwhile.
-- PARTS   signals, courier
-- ARGV    the courier, pairs of id and signal
-- RETURNS signals that are left
for i = 2, #ARGV, 2 do
  if redis.call('HGET', keys.signals, ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', keys.signals, ARGV[i])
  end
end
local left = redis.call('HLEN', keys.signals)
if left == 0 and redis.call('GET', keys.courier) == ARGV[1] then
  redis.call('DEL', keys.courier)
end
return left

-- Notes what a request was answered, unless it is forgotten by now.
-- PARTS   said
-- ARGV    request, fingerprint, answer
-- RETURNS 1 noted, 0 forgotten
if redis.call('HEXISTS', keys.said, ARGV[1]) == 0 then
  return 0
end
redis.call('HSET', keys.said, ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return 1

-- Notes a request under its key, or tells what is known of the one that had the key before.
-- PARTS   when, said
-- ARGV    request, fingerprint, how long requests are remembered in ms, how many at most
-- RETURNS what was said of it before: 'fingerprint', or 'fingerprint answer'; '' if it is new
-- Bounded: at most 100 old requests leave a call.
local request, fingerprint = ARGV[1], ARGV[2]
local now = math.floor(now_us() / 1000)

local old = redis.call('ZRANGEBYSCORE', keys.when, '-inf', int(now - ARGV[3]), 'LIMIT', 0, 100)
if #old == 0 then
  local too_many = redis.call('ZCARD', keys.when) - ARGV[4]
  if too_many > 0 then
    old = redis.call('ZRANGE', keys.when, 0, math.min(too_many, 100) - 1)
  end
end
if #old > 0 then
  redis.call('ZREM', keys.when, unpack(old))
  redis.call('HDEL', keys.said, unpack(old))
end

local said = redis.call('HGET', keys.said, request)
if said then
  return said
end
redis.call('ZADD', keys.when, int(now), request)
redis.call('HSET', keys.said, request, fingerprint)
return ''

-- Notes the end of one task of a chord and says whether it was the last one.
-- KEYS    the chord's key; its parts are that name and '.c', '.d', '.j', '.s', '.t'
-- ARGV    'id:index', index, the part as JSON, life of the keys in seconds, a token, seconds of the lock
-- RETURNS {} if nothing is to be done; { 'busy' } if it was the last one and somebody else is at it; else
--         the parts in their order: the caller has the lock and must queue the body and say that it is
--         done
local function key(part)
  return KEYS[1] .. part
end
if redis.call('GET', key('.c')) == 'done' then
  return {}
end
if redis.call('SADD', key('.d'), ARGV[1]) == 1 then
  redis.call('ZADD', key('.j'), ARGV[2], ARGV[3])
end
for _, part in ipairs({ '.j', '.t', '.s', '.d' }) do
  redis.call('EXPIRE', key(part), ARGV[4])
end
local size = redis.call('GET', key('.s'))
local total = (tonumber(size) or 0) + (tonumber(redis.call('GET', key('.t')) or 0) or 0)
if not size or redis.call('ZCARD', key('.j')) ~= total then
  return {}
end
if not redis.call('SET', key('.c'), ARGV[5], 'NX', 'EX', ARGV[6]) then
  return { 'busy' }
end
return redis.call('ZRANGE', key('.j'), 0, -1)

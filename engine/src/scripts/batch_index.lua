-- Notes a batch in the index of batches, which forgets the oldest.
-- KEYS[1] the index
-- ARGV    id, longest age in ms, most entries
-- RETURNS 1 if it is new
local now = math.floor(now_us() / 1000)
local new = redis.call('ZADD', KEYS[1], 'NX', int(now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', int(now - ARGV[2]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3] - 1)
return new

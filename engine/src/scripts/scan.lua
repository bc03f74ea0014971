-- One step of a scan that leaves the values in Redis: payloads may be large.
-- KEYS    a hash or a zset
-- ARGV    HSCAN or ZSCAN, cursor, step
-- RETURNS { next cursor, names }
local answer = redis.call(ARGV[1], KEYS[1], ARGV[2], 'COUNT', ARGV[3])
local names = {}
for i = 1, #answer[2], 2 do
  names[#names + 1] = answer[2][i]
end
return { answer[1], names }

-- The agenda: batches at which somebody must look later, in case whoever works on them dies.
-- KEYS[1] the agenda, a zset id -> when in ms
-- ARGV    'note', id, in how many ms;
--         'take', most, in how many ms to look again if the taker dies;
--         'done', id, the time that was answered when it was taken
-- RETURNS note and done: entries changed; take: pairs of id and the time it stays noted for
local now = math.floor(now_us() / 1000)
if ARGV[1] == 'note' then
  return redis.call('ZADD', KEYS[1], int(now + ARGV[3]), ARGV[2])
end
if ARGV[1] == 'done' then
  -- Whoever noted it again meanwhile has another time.
  if redis.call('ZSCORE', KEYS[1], ARGV[2]) == ARGV[3] then
    return redis.call('ZREM', KEYS[1], ARGV[2])
  end
  return 0
end
local taken = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now), 'LIMIT', 0, ARGV[2])) do
  local again = int(now + ARGV[3])
  redis.call('ZADD', KEYS[1], again, id)
  taken[#taken + 1] = id
  taken[#taken + 1] = again
end
return taken

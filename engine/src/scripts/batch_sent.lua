-- Notes that callbacks were enqueued.
-- PARTS   those of batch.lua
-- ARGV    'success', 'complete' or both
-- RETURNS how many were due
local sent = 0
for _, name in ipairs(ARGV) do
  if fact(name) == 'due' then
    redis.call('HSET', keys.facts, name, int(now_ms()))
    sent = sent + 1
  end
end
return sent

-- Seals a batch, cancels it, or lets a cancelled one go on.
-- PARTS   those of batch.lua
-- ARGV    'seal', 'cancel' or 'go_on'
-- RETURNS 'unknown', or the callbacks that are due, as weigh() says
if not fact('created') then
  return 'unknown'
end
local now = now_ms()
if ARGV[1] == 'go_on' then
  redis.call('HDEL', keys.facts, 'cancelled')
else
  redis.call('HSETNX', keys.facts, 'sealed', int(now))
end
if ARGV[1] == 'cancel' then
  redis.call('HSETNX', keys.facts, 'cancelled', int(now))
end
return weigh(now)

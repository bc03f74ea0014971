-- What somebody who died may have left undone.
-- PARTS   those of batch.lua
-- ARGV    age in ms from which a noted member is looked for, most members
-- RETURNS { noted members of any age, the callbacks that are due, members to look for }
if not fact('created') then
  return { 0, {}, {} }
end
local now = now_ms()
return {
  redis.call('ZCOUNT', keys.members, '(0', '+inf'),
  weigh(now),
  redis.call('ZRANGEBYSCORE', keys.members, '(0', int(now - ARGV[1]), 'LIMIT', 0, ARGV[2]),
}

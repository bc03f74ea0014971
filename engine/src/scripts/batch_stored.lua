-- Says what became of members that were noted.
-- PARTS   those of batch.lua
-- ARGV    pairs: member, 'stored', 'absent' (it was never stored) or 'refused' (it will not be)
-- RETURNS the callbacks that are due, as weigh() says
-- Bounded by the caller: at most 500 members a call.
if not fact('created') then
  return {}
end
for i = 1, #ARGV, 2 do
  local member, word = ARGV[i], ARGV[i + 1]
  local score = score_of(member)
  if word == 'stored' then
    if not score or score > 0 then
      redis.call('ZADD', keys.members, 0, member)
    end
  elseif score and (score > 0 or (word == 'refused' and score == 0)) then
    redis.call('ZREM', keys.members, member)
  end
end
return weigh(now_ms())

-- Notes members before their jobs are enqueued.
-- PARTS   those of batch.lua
-- ARGV    the running member that adds them or '', most members of a batch, members
-- RETURNS 'unknown', 'sealed', 'cancelled', 'full', or per member: 1 enqueue it, 0 it is over
-- Bounded by the caller: at most 500 members a call.
if not fact('created') then
  return 'unknown'
end
local now = int(now_ms())
local by, most = ARGV[1], tonumber(ARGV[2])

local answers, noted, new = {}, {}, 0
local scores = redis.call('ZMSCORE', keys.members, unpack(ARGV, 3))
for n = 1, #ARGV - 2 do
  local score = tonumber(scores[n])
  answers[n] = (score or 0) >= 0 and 1 or 0
  new = new + (score and 0 or 1)
  if not score or score > 0 then
    noted[#noted + 1] = now
    noted[#noted + 1] = ARGV[n + 2]
  end
end

-- A call that is repeated adds nothing and is never refused.
if new > 0 then
  if fact('cancelled') then
    return 'cancelled'
  end
  -- A running member keeps its batch open: it cannot finish before that member does.
  if fact('sealed') and not (by ~= '' and (score_of(by) or COMPLETED) >= 0) then
    return 'sealed'
  end
  if redis.call('ZCARD', keys.members) + new > most then
    return 'full'
  end
end
write_pairs('ZADD', keys.members, noted)
keep()
return answers

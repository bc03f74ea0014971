-- Tells a batch what became of members. Telling it twice is telling it once.
-- PARTS   those of batch.lua
-- ARGV    triples: member, its final state or 'live', the member that follows it in its chain or ''
-- RETURNS { per triple: 1 if what follows is to be enqueued, else 0; the callbacks that are due }
-- Bounded by the caller: at most 100 members a call.
local goes_on = {}
if not fact('created') then
  -- It outlived its batch; its chain goes on.
  for i = 1, #ARGV / 3 do
    goes_on[i] = 1
  end
  return { goes_on, {} }
end

-- Completed is for ever; discarded and cancelled until a retry by hand.
local function note(member, state)
  local score, told = score_of(member), SCORES[state]
  if not told then
    if score and score < COMPLETED then
      redis.call('ZADD', keys.members, 0, member)
    end
    return false
  end
  if score == COMPLETED or score == told then
    return false
  end
  redis.call('ZADD', keys.members, told, member)
  return true
end

for i = 1, #ARGV, 3 do
  local member, state, follower = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local new = note(member, state)
  goes_on[#goes_on + 1] = 0
  if follower ~= '' then
    local score = score_of(follower)
    -- In one step with the end of the member before it, so that the batch cannot finish between
    -- them. It counts as stored: the signal stays until it is.
    if new and not score and not fact('cancelled') then
      redis.call('ZADD', keys.members, 0, follower)
      score = 0
    end
    goes_on[#goes_on] = (score and score >= 0) and 1 or 0
  end
end
return { goes_on, weigh(now_ms()) }

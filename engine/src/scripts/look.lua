-- Everything about one job at one moment. A transaction would do, but a full Redis refuses those.
-- PARTS   job, run, progress, result, error, checkpoint, replayed, the indexes of the eight states, group_of
-- ARGV    id
-- RETURNS { six fields, then the scores in scheduled, available, running, retrying, held,
--           completed, cancelled, discarded, then the ids of its replays }, each false where there is none
local id = ARGV[1]
local answer = {}
for n, part in ipairs({ 'job', 'run', 'progress', 'result', 'error', 'checkpoint' }) do
  answer[n] = redis.call('HGET', keys[part], id)
end

local function available()
  local score = redis.call('ZSCORE', keys.ready, id)
  local member = not score and redis.call('HGET', keys.group_of, id)
  if member then
    local at = string.find(member, ':', 1, true)
    score = redis.call('ZSCORE', keys['line:' .. string.sub(member, at + 1)], id)
  end
  local kind = not score and kind_of(answer[1])
  return score or (kind and redis.call('ZSCORE', keys['aside:' .. kind], id)) or false
end

local fence = answer[2] and string.match(answer[2], '^%d+ %d+ (%d+) ') or '0'
answer[7] = redis.call('ZSCORE', keys.scheduled, id)
answer[8] = available()
answer[9] = redis.call('ZSCORE', keys.lease, fence .. ':' .. id)
for n, part in ipairs({ 'retrying', 'held', 'completed', 'cancelled', 'discarded' }) do
  answer[9 + n] = redis.call('ZSCORE', keys[part], id)
end
answer[15] = redis.call('HGET', keys.replayed, id)
return answer

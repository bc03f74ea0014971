-- Promotes what is due and leases as many jobs as the caller has free slots.
-- KEYS    ready, scheduled, retrying, lease, job, run, count, paused, checkpoint
-- ARGV    slots (0 to 500), lease in ms, worker, most promotions a call, wake channel,
--         1 if the worker may take a suspect: a job that the next death of its worker would hold
-- RETURNS { now in ms, next due in ms or -1, first end of a lease in ms or -1, 2 if suspects were left, 1 if due
--           jobs were left, else 0,
--           then per job: id, envelope, run record, checkpoint or '' }
-- Bounded by slots and by the number of promotions.
local ready, scheduled, retrying, lease, job, run, count, paused, checkpoint = unpack(KEYS)
local slots, lease_ms, worker, most = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
-- Leases lost so far, one less than hold a job.
local SUSPECT_AFTER = 2
local us = now_us()
local now = math.floor(us / 1000)

-- A due job lines up as if it had been enqueued at its due time.
local due_limit = now * 10 + 9
local next_due = math.huge
local left = most
for _, key in ipairs({ scheduled, retrying }) do
  local first = lowest(key)
  if first and first <= due_limit and left > 0 then
    local due = redis.call('ZRANGEBYSCORE', key, '-inf', due_limit, 'WITHSCORES', 'LIMIT', 0, left)
    local moved, gone = {}, {}
    for i = 1, #due, 2 do
      local score = tonumber(due[i + 1])
      local priority = score % 10
      moved[#moved + 1] = int(ready_score(priority, math.max((score - priority) * 100, READY_EPOCH_US)))
      moved[#moved + 1] = due[i]
      gone[#gone + 1] = due[i]
    end
    if redis.call('ZCARD', ready) == 0 then
      redis.call('PUBLISH', ARGV[5], 'go')
    end
    redis.call('ZREM', key, unpack(gone))
    write_pairs('ZADD', ready, moved)
    left = left - #gone
    first = lowest(key)
  end
  if first then
    next_due = math.min(next_due, first)
  end
end

local answer = {
  now,
  next_due < math.huge and math.floor(next_due / 10) or -1,
  lowest(lease) or -1,
  next_due <= due_limit and 1 or 0,
}
if slots == 0 or redis.call('EXISTS', paused) == 1 then
  return answer
end

-- A suspect may be what kills workers, or only have run beside it: each worker takes one at a
-- time, so that the guilty one dies alone. The others go back to their places.
local may_suspect = ARGV[6] == '1'
local ids, scores, records, aside = {}, {}, {}, {}
for _ = 1, 4 do
  local want = slots - #ids
  local popped = redis.call('ZPOPMIN', ready, want)
  if #popped == 0 then
    break
  end
  local names = {}
  for i = 1, #popped, 2 do
    names[#names + 1] = popped[i]
  end
  local found = redis.call('HMGET', run, unpack(names))
  for n, id in ipairs(names) do
    local lost = found[n] and tonumber(string.match(found[n], '^%d+ (%d+) ') or 0) or 0
    if lost >= SUSPECT_AFTER and not may_suspect then
      aside[#aside + 1] = popped[n * 2]
      aside[#aside + 1] = id
    else
      may_suspect = may_suspect and lost < SUSPECT_AFTER
      ids[#ids + 1] = id
      scores[#ids] = popped[n * 2]
      records[#ids] = found[n]
    end
  end
  if #ids == slots or #popped < 2 * want then
    break
  end
end
if #aside > 0 then
  write_pairs('ZADD', ready, aside)
  if answer[4] == 0 then
    answer[4] = 2
  end
end
if #ids == 0 then
  return answer
end

local envelopes = redis.call('HMGET', job, unpack(ids))
local saved = redis.call('EXISTS', checkpoint) == 1 and redis.call('HMGET', checkpoint, unpack(ids)) or {}
local fence = redis.call('HINCRBY', count, 'fence', #ids) - #ids
local deadline, tail = int(now + lease_ms), ' ' .. int(now) .. ' 0 ' .. worker .. ' -'
local leases, written = {}, {}
local size, at = 0, #answer
for n, id in ipairs(ids) do
  -- An index entry whose record is gone (somebody deleted keys) is dropped here.
  local envelope, record = envelopes[n], records[n]
  if envelope then
    local attempt, lost = 1, '0'
    if record then
      attempt, lost = string.match(record, '^(%d+) (%d+) ')
      attempt, lost = (attempt or 0) + 1, lost or '0'
    end
    fence = fence + 1
    record = attempt .. ' ' .. lost .. ' ' .. fence .. ' ' .. scores[n] .. tail
    leases[size + 1] = deadline
    leases[size + 2] = fence .. ':' .. id
    written[size + 1] = id
    written[size + 2] = record
    size = size + 2
    answer[at + 1] = id
    answer[at + 2] = envelope
    answer[at + 3] = record
    answer[at + 4] = saved[n] or ''
    at = at + 4
  end
end
if size > 0 then
  write_pairs('ZADD', lease, leases)
  write_pairs('HSET', run, written)
end
return answer

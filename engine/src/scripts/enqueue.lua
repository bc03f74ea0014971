-- Stores new jobs and lines them up; a known id is left as it is.
-- KEYS    job, ready, scheduled, count
-- ARGV    wake channel, then per job: id, envelope, priority,
--         run-at in ms ('0' now, '+N' in N ms)
-- RETURNS per job: 1 stored, 0 already there
-- Bounded by the caller: at most 500 jobs a call.
local job, ready, scheduled, count = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local us = now_us()
local now = us / 1000

local ids = {}
for i = 2, #ARGV, 4 do
  ids[#ids + 1] = ARGV[i]
end
local known = redis.call('HMGET', job, unpack(ids))

local answers, envelopes, lined_up, delayed = {}, {}, {}, {}
local seen = {}
local earliest = math.huge
for n, id in ipairs(ids) do
  if known[n] or seen[id] then
    answers[n] = 0
  else
    answers[n] = 1
    seen[id] = true
    local at = 2 + (n - 1) * 4
    local priority, wish = tonumber(ARGV[at + 2]), ARGV[at + 3]
    local run_at = tonumber(wish)
    if string.sub(wish, 1, 1) == '+' then
      run_at = math.ceil(now + string.sub(wish, 2))
    end
    envelopes[#envelopes + 1] = id
    envelopes[#envelopes + 1] = ARGV[at + 1]
    if run_at > now then
      local due = run_at * 10 + priority
      earliest = math.min(earliest, due)
      delayed[#delayed + 1] = int(due)
      delayed[#delayed + 1] = id
    else
      lined_up[#lined_up + 1] = int(ready_score(priority, us + n))
      lined_up[#lined_up + 1] = id
    end
  end
end

if #envelopes == 0 then
  return answers
end
write_pairs('HSET', job, envelopes)
redis.call('HINCRBY', count, 'enqueued', #envelopes / 2)

-- Idle workers are woken when the line stops being empty, or when the next due time moves
-- forward; a worker that finds jobs goes on claiming until there are none.
local wake = false
if #lined_up > 0 then
  wake = redis.call('ZCARD', ready) == 0
  write_pairs('ZADD', ready, lined_up)
end
if #delayed > 0 then
  local first = lowest(scheduled)
  wake = wake or not first or earliest < first
  write_pairs('ZADD', scheduled, delayed)
end
if wake then
  redis.call('PUBLISH', ARGV[1], 'go')
end
return answers

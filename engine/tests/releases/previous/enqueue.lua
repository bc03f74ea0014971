-- Stores new jobs and lines them up; a known id, or a taken unique key, is left as it is.
-- KEYS    job, ready, scheduled, count, unique, unique_key, unique_until
-- ARGV    wake channel, number of jobs, then per job: id, envelope, priority,
--         run-at in ms ('0' now, '+N' in N ms);
--         then per unique job: its number from 1, key, window in ms or 0
-- RETURNS per job: 1 stored, 0 its id is known, else the id of the job that has its unique key
-- Bounded by the caller: at most 500 jobs a call.
local job, ready, scheduled, count = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local unique, unique_key, unique_until = KEYS[5], KEYS[6], KEYS[7]
local jobs = tonumber(ARGV[2])
local us = now_us()
local now = us / 1000

local ids = {}
for n = 1, jobs do
  ids[n] = ARGV[n * 4 - 1]
end
local known = redis.call('HMGET', job, unpack(ids))

local wanted = {}
for i = 3 + 4 * jobs, #ARGV, 3 do
  wanted[tonumber(ARGV[i])] = i
end

-- The job that has the key, or nil after taking it for this one. A key is had by a live job,
-- or by a window that is still open although its job is over.
local function take(key, window, id)
  local owner = redis.call('HGET', unique, key)
  if owner then
    local live = redis.call('HEXISTS', unique_key, owner) == 1
    local open = tonumber(redis.call('ZSCORE', unique_until, key) or 0) > now
    if live or open then
      return owner
    end
  end
  redis.call('HSET', unique, key, id)
  redis.call('HSET', unique_key, id, key)
  if tonumber(window) > 0 then
    redis.call('ZADD', unique_until, int(now + window), key)
  end
end

local answers, envelopes, lined_up, delayed = {}, {}, {}, {}
local seen = {}
local earliest = math.huge
for n, id in ipairs(ids) do
  local owner, want = nil, wanted[n]
  if known[n] or seen[id] then
    owner = 0
  elseif want then
    owner = take(ARGV[want + 1], ARGV[want + 2], id)
  end
  answers[n] = owner or 1
  if not owner then
    seen[id] = true
    local at = n * 4 - 1
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

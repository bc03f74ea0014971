-- Stores new jobs and lines them up; a known id, or a taken unique key, is left as it is.
-- PARTS   job, scheduled, count, unique, unique_key, unique_until, follow, known, and those of groups.lua
-- ARGV    number of jobs, then per job: id, envelope, priority, run-at in ms ('0' now, '+N' in
--         N ms); then per wish: the job's number from 1, its name and two values:
--         'unique', key, window in ms or 0; 'group', 'limit:group', ''; 'follow', marker, '';
--         'known', ms for which its id is known although the job is gone, ''
-- RETURNS per job: 1 stored, 0 its id is known, else the id of the job that has its unique key
-- Bounded by the caller: at most 500 jobs a call.
local jobs = tonumber(ARGV[1])
local us = now_us()
local now = us / 1000

local ids = {}
for n = 1, jobs do
  ids[n] = ARGV[n * 4 - 2]
end
local known = redis.call('HMGET', keys.job, unpack(ids))

local wishes = { unique = {}, group = {}, follow = {}, known = {} }
for i = 2 + 4 * jobs, #ARGV, 4 do
  wishes[ARGV[i + 1]][tonumber(ARGV[i])] = i + 2
end

-- The job that has the key, or nil after taking it for this one. A key is had by a live job,
-- or by a window that is still open although its job is over.
local function take(key, window, id)
  local owner = redis.call('HGET', keys.unique, key)
  if owner then
    local live = redis.call('HEXISTS', keys.unique_key, owner) == 1
    local open = tonumber(redis.call('ZSCORE', keys.unique_until, key) or 0) > now
    if live or open then
      return owner
    end
  end
  redis.call('HSET', keys.unique, key, id)
  redis.call('HSET', keys.unique_key, id, key)
  if tonumber(window) > 0 then
    redis.call('ZADD', keys.unique_until, int(now + window), key)
  end
end

local answers, envelopes, lined_up, delayed = {}, {}, {}, {}
local seen = {}
local earliest = math.huge
for n, id in ipairs(ids) do
  local owner, key, lasting = nil, wishes.unique[n], wishes.known[n]
  if known[n] or seen[id] or lasting and redis.call('ZSCORE', keys.known, id) then
    owner = 0
  elseif key then
    owner = take(ARGV[key], ARGV[key + 1], id)
  end
  answers[n] = owner or 1
  if lasting and owner ~= 0 then
    redis.call('ZADD', keys.known, int(now + ARGV[lasting]), id)
  end
  if not owner then
    seen[id] = true
    local at = n * 4 - 2
    local priority, wish = tonumber(ARGV[at + 2]), ARGV[at + 3]
    local run_at = tonumber(wish)
    if string.sub(wish, 1, 1) == '+' then
      run_at = math.ceil(now + string.sub(wish, 2))
    end
    envelopes[#envelopes + 1] = id
    envelopes[#envelopes + 1] = ARGV[at + 1]
    local group, follow = wishes.group[n], wishes.follow[n]
    if group then
      redis.call('HSET', keys.group_of, id, ARGV[group])
    end
    if follow then
      redis.call('HSET', keys.follow, id, ARGV[follow])
    end
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
write_pairs('HSET', keys.job, envelopes)
redis.call('HINCRBY', keys.count, 'enqueued', #envelopes / 2)

-- Idle workers are woken when the line stops being empty, or when the next due time moves forward.
local rouse = false
if #lined_up > 0 then
  rouse = nothing_to_claim()
  line_up(lined_up)
end
if #delayed > 0 then
  local first = lowest(keys.scheduled)
  rouse = rouse or not first or earliest < first
  write_pairs('ZADD', keys.scheduled, delayed)
end
if rouse then
  wake()
end
return answers

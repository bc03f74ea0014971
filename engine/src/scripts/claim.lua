-- Promotes what is due and leases as many jobs as the caller has free slots.
-- PARTS   ready, scheduled, retrying, lease, job, run, count, paused, paused_kinds, checkpoint,
--         and those of groups.lua
-- ARGV    slots (0 to 500), lease in ms, worker, most promotions a call,
--         1 if the worker may take a suspect: a job that the next death of its worker would hold
-- RETURNS { now in ms, next due in ms or -1, first end of a lease in ms or -1, 2 if suspects were left, 1 if due
--           jobs were left, else 0, per checkpoint: number of its job from 1, JSON,
--           the run records, one a line, then per job: id, envelope }
-- Bounded by slots and by the number of promotions.
local slots, lease_ms, worker, most = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
-- Leases lost so far, one less than hold a job.
local SUSPECT_AFTER = 2
local us = now_us()
local now = math.floor(us / 1000)
-- One look for everything that is usually not there.
local special = any(keys.paused, keys.paused_kinds, keys.asides, keys.group_of)

-- A due job lines up as if it had been enqueued at its due time.
local due_limit = now * 10 + 9
local next_due = math.huge
local left = most
for _, key in ipairs({ keys.scheduled, keys.retrying }) do
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
    if nothing_to_claim() then
      wake()
    end
    redis.call('ZREM', key, unpack(gone))
    line_up(moved)
    left = left - #gone
    first = lowest(key)
  end
  if first then
    next_due = math.min(next_due, first)
  end
end

-- What waited aside lines up again once its kind goes on.
local aside_left = false
if special and any(keys.asides) then
  for _, kind in ipairs(redis.call('ZRANGE', keys.asides, 0, 99)) do
    if left > 0 and redis.call('HEXISTS', keys.paused_kinds, kind) == 0 then
      local popped = redis.call('ZPOPMIN', keys['aside:' .. kind], left)
      local back = {}
      for i = 1, #popped, 2 do
        back[i], back[i + 1] = popped[i + 1], popped[i]
      end
      elsewhere(keys.asides, kind, -#popped / 2)
      line_up(back)
      left = left - #popped / 2
      aside_left = aside_left or any(keys['aside:' .. kind])
    end
  end
end

local answer = {
  now,
  next_due < math.huge and math.floor(next_due / 10) or -1,
  lowest(keys.lease) or -1,
  (next_due <= due_limit or aside_left) and 1 or 0,
  {},
  '',
}
if slots == 0 or (special and any(keys.paused)) then
  return answer
end

-- What this call takes: ids, their scores, their run records.
local ids, scores, records = {}, {}, {}
-- A suspect may be what kills workers, or only have run beside it: each worker takes one at a
-- time, so that the guilty one dies alone. The others go back to their places.
local may_suspect = ARGV[5] == '1'
local aside = {}

-- From so many jobs on, all of a call keep the place of its first one: Redis takes as long to write
-- a score as to find it, and among equal scores ids decide, which sort by time.
local SHARED_PLACE_FROM = 32

-- Ids and scores of pairs.
local function columns(pairs)
  local names, places = {}, {}
  for i = 1, #pairs, 2 do
    names[#names + 1], places[#places + 1] = pairs[i], pairs[i + 1]
  end
  return names, places
end

-- Pops jobs from the front of `ready`: ids, and their scores or the one that they share.
local function pop(want)
  local first = want >= SHARED_PLACE_FROM and lowest(keys.ready)
  if first then
    local names = redis.call('ZRANGE', keys.ready, 0, want - 1)
    local last = redis.call('ZSCORE', keys.ready, names[#names])
    if math.floor(first / PRIORITY_STEP) == math.floor(last / PRIORITY_STEP) then
      redis.call('ZREMRANGEBYRANK', keys.ready, 0, #names - 1)
      return names, int(first)
    end
  end
  return columns(redis.call('ZPOPMIN', keys.ready, want))
end

-- Takes what was popped, except suspects; answers how many were taken.
local function take(names, places)
  local found = redis.call('HMGET', keys.run, unpack(names))
  local shared = type(places) == 'string' and places
  local before = #ids
  local size = before
  for n, id in ipairs(names) do
    local record = found[n]
    local lost = record and tonumber(string.match(record, '^%d+ (%d+) ') or 0) or 0
    if lost >= SUSPECT_AFTER and not may_suspect then
      aside[#aside + 1] = shared or places[n]
      aside[#aside + 1] = id
    else
      may_suspect = may_suspect and lost < SUSPECT_AFTER
      size = size + 1
      ids[size], scores[size], records[size] = id, shared or places[n], record
    end
  end
  return size - before
end

-- An older release lines jobs of a group up in `ready`: they belong into their group's line.
local function without_members(names, places)
  local rest, kept = {}, {}
  local members = redis.call('HMGET', keys.group_of, unpack(names))
  for n, id in ipairs(names) do
    local place = type(places) == 'string' and places or places[n]
    if members[n] then
      join_line(id, place, members[n])
    else
      rest[#rest + 1], kept[#kept + 1] = id, place
    end
  end
  return rest, kept
end

-- Takes so many jobs from the front of `ready`; answers whether there may be more.
local function take_alone(want)
  local names, places = pop(want)
  local full = #names == want
  if #names > 0 and special then
    names, places = without_members(names, places)
  end
  if #names > 0 then
    take(names, places)
  end
  return full
end

-- Takes jobs of the group whose turn it is: one, or all it may if nobody else waits.
local function take_from(group, want)
  local line = keys['line:' .. group]
  local names, places = columns(redis.call('ZPOPMIN', line, math.min(want, group_room(group))))
  local set_aside = #aside
  local taken = #names > 0 and take(names, places) or 0
  if taken > 0 then
    elsewhere(keys.groups, group, -taken)
    redis.call('HINCRBY', keys.group_running, group, taken)
    redis.call('HSET', keys.group_served, group, int(us + #ids - READY_EPOCH_US))
  end
  offer(group)
  if #aside > set_aside then
    -- Its suspect waits in its place, and the group with it, until another claim.
    write_pairs('ZADD', line, { unpack(aside, set_aside + 1) })
    redis.call('ZREM', keys.turns, group)
    for i = #aside, set_aside + 1, -1 do
      aside[i] = nil
    end
    return group
  end
end

-- Each turn goes to whoever lined up first; a group lines up again behind everybody else.
local function take_in_turn()
  local waiting = {}
  for _ = 1, 4 * slots do
    local turn = redis.call('ZRANGE', keys.turns, 0, 1, 'WITHSCORES')
    local want = slots - #ids
    if want == 0 then
      break
    end
    local ahead = turn[2] and redis.call('ZCOUNT', keys.ready, '-inf', '(' .. turn[2]) or want
    if ahead > 0 then
      if not take_alone(math.min(ahead, want)) and not turn[1] then
        break
      end
    else
      local others = turn[3] or any(keys.ready)
      waiting[#waiting + 1] = take_from(turn[1], others and 1 or want)
    end
  end
  for _, group in ipairs(waiting) do
    answer[4] = answer[4] == 0 and 2 or answer[4]
    offer(group)
  end
end

if special and any(keys.turns) then
  take_in_turn()
else
  for _ = 1, 4 do
    if not take_alone(slots - #ids) or #ids == slots then
      break
    end
  end
end
if #aside > 0 then
  write_pairs('ZADD', keys.ready, aside)
  if answer[4] == 0 then
    answer[4] = 2
  end
end
if #ids == 0 then
  return answer
end

local envelopes = redis.call('HMGET', keys.job, unpack(ids))

-- Jobs of a paused kind wait aside, so that the line goes on behind them.
if special and any(keys.paused_kinds) then
  local put_aside = {}
  for n, id in ipairs(ids) do
    local kind = kind_of(envelopes[n])
    if kind and redis.call('HEXISTS', keys.paused_kinds, kind) == 1 then
      redis.call('ZADD', keys['aside:' .. kind], scores[n], id)
      elsewhere(keys.asides, kind, 1)
      envelopes[n] = 'aside'
      put_aside[#put_aside + 1] = id
      answer[4] = 1
    end
  end
  leave_group(put_aside)
end

local saved = any(keys.checkpoint) and redis.call('HMGET', keys.checkpoint, unpack(ids)) or {}
local checkpoints = answer[5]
local fence = redis.call('HINCRBY', keys.count, 'fence', #ids) - #ids
local deadline, tail = int(now + lease_ms), ' ' .. int(now) .. ' 0 ' .. worker .. ' -'
local leases, written, lines = {}, {}, {}
local size, at = 0, #answer
for n, id in ipairs(ids) do
  local envelope, record = envelopes[n], records[n]
  if not envelope then
    -- An index entry whose record is gone (somebody deleted keys) is dropped here.
    leave_group({ id })
    redis.call('HDEL', keys.group_of, id)
  elseif envelope ~= 'aside' then
    -- Numbers are made text once each: Lua is slow at it.
    local facts = '1 0 '
    if record then
      local attempt, lost = string.match(record, '^(%d+) (%d+) ')
      facts = int((attempt or 0) + 1) .. ' ' .. (lost or '0') .. ' '
    end
    fence = fence + 1
    local token = string.format('%d', fence)
    record = facts .. token .. ' ' .. scores[n] .. tail
    leases[size + 1] = deadline
    leases[size + 2] = token .. ':' .. id
    written[size + 1] = id
    written[size + 2] = record
    size = size + 2
    lines[size / 2] = record
    answer[at + 1] = id
    answer[at + 2] = envelope
    at = at + 2
    if saved[n] then
      checkpoints[#checkpoints + 1] = size / 2
      checkpoints[#checkpoints + 1] = saved[n]
    end
  end
end
if size > 0 then
  answer[6] = table.concat(lines, '\n')
  write_pairs('ZADD', keys.lease, leases)
  write_pairs('HSET', keys.run, written)
end
return answer

-- Ends attempts: each outcome moves its job to the index of its next state, if the fence holds.
-- PARTS   lease, run, scheduled, retrying, held, completed, discarded, cancelled, result, error,
--         count, cancelling, the tables of reports, and those of groups.lua and ending.lua
-- ARGV    number of successes, of their outputs, of reports that were not written yet, then
--         per success: 'fence:id'; per success: id, run record; per output: id, JSON;
--         per report: id, 'progress' or 'checkpoint', JSON;
--         per other outcome: 'fence:id', id, run record, outcome, argument, error line or ''
--         discarded, cancelled, held: no argument; retrying, snoozed: 'delay in ms' 'priority';
--         returned: the ready score
-- RETURNS per attempt, successes first: 1 applied, 0 the fence is old
-- Bounded by the caller: at most 500 attempts a call, at most one of each job.
local successes, outputs, reports = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = math.floor(now_us() / 1000)
local MAX_ERROR_BYTES = 16384

local first_record = 4 + successes
local first_output = first_record + 2 * successes
local first_report = first_output + 2 * outputs
local first_other = first_report + 3 * reports

-- What was applied: all of it by id, what of it runs no more, and what of it is over.
local answers, applied, stopped, over = {}, {}, {}, {}
local completed = {}

-- Successes come in columns, so that the usual case, all fences good, builds no tables.
if successes > 0 then
  local deadlines = redis.call('ZMSCORE', keys.lease, unpack(ARGV, 4, 3 + successes))
  local good, finished = 0, {}
  for n = 1, successes do
    answers[n] = deadlines[n] and 1 or 0
    good = good + answers[n]
  end
  local at = int(now)
  local leases, records, kept = {}, {}, {}
  for n = 1, successes do
    if answers[n] == 1 then
      local id = ARGV[first_record + 2 * (n - 1)]
      applied[id] = true
      stopped[#stopped + 1] = id
      over[#over + 1] = id
      completed[#completed + 1] = id
      finished[#finished + 1] = at
      finished[#finished + 1] = id
      if good < successes then
        leases[#leases + 1] = ARGV[3 + n]
        records[#records + 1] = id
        records[#records + 1] = ARGV[first_record + 2 * n - 1]
      end
    end
  end
  -- The removal first: a full Redis accepts it, and it lets the rest through.
  if good == successes then
    redis.call('ZREM', keys.lease, unpack(ARGV, 4, 3 + successes))
    redis.call('HSET', keys.run, unpack(ARGV, first_record, first_output - 1))
    if outputs > 0 then
      redis.call('HSET', keys.result, unpack(ARGV, first_output, first_report - 1))
    end
  elseif good > 0 then
    redis.call('ZREM', keys.lease, unpack(leases))
    redis.call('HSET', keys.run, unpack(records))
    for i = first_output, first_report - 1, 2 do
      if applied[ARGV[i]] then
        kept[#kept + 1] = ARGV[i]
        kept[#kept + 1] = ARGV[i + 1]
      end
    end
    write_pairs('HSET', keys.result, kept)
  end
  if good > 0 then
    redis.call('ZADD', keys.completed, unpack(finished))
    redis.call('HINCRBY', keys.count, 'completed', good)
  end
end

local function add_error(id, line)
  local lines = redis.call('HGET', keys.error, id)
  lines = lines and (lines .. '\n' .. line) or line
  while #lines > MAX_ERROR_BYTES do
    local cut = string.find(lines, '\n', 1, true)
    lines = cut and string.sub(lines, cut + 1) or string.sub(lines, 1, MAX_ERROR_BYTES)
  end
  redis.call('HSET', keys.error, id, lines)
end

-- Moves a job to a time-ordered index; whether its sleepers must look at their clock again.
local function delay(key, argument, id)
  local ms, priority = string.match(argument, '^(%d+) (%d)$')
  local due = (now + ms) * 10 + priority
  local before = lowest(key)
  redis.call('ZADD', key, int(due), id)
  return not before or due < before
end

local look_again = false
local back, ended = {}, { discarded = {}, cancelled = {} }
for at = first_other, #ARGV, 6 do
  local member, id, record, outcome, argument, line = unpack(ARGV, at, at + 5)
  local removed = redis.call('ZREM', keys.lease, member)
  answers[#answers + 1] = removed
  if removed == 1 then
    applied[id] = true
    stopped[#stopped + 1] = id
    redis.call('HSET', keys.run, id, record)
    if outcome == 'retrying' then
      look_again = delay(keys.retrying, argument, id) or look_again
    elseif outcome == 'snoozed' then
      look_again = delay(keys.scheduled, argument, id) or look_again
    elseif outcome == 'returned' then
      back[#back + 1] = argument
      back[#back + 1] = id
    else
      redis.call('ZADD', keys[outcome], int(now), id)
      over[#over + 1] = id
      if ended[outcome] then
        ended[outcome][#ended[outcome] + 1] = id
        redis.call('HINCRBY', keys.count, outcome, 1)
      else
        tell_waiters({ id })
      end
    end
    if line ~= '' then
      add_error(id, line)
    end
  end
end

for i = first_report, first_other - 1, 3 do
  if applied[ARGV[i]] then
    redis.call('HSET', keys[ARGV[i + 1]], ARGV[i], ARGV[i + 2])
  end
end
if #over > 0 and any(keys.cancelling) then
  redis.call('SREM', keys.cancelling, unpack(over))
end
leave_group(stopped)
look_again = look_again or (#back > 0 and nothing_to_claim())
line_up(back)
if look_again then
  wake()
end
settle(completed, 'completed', now)
settle(ended.discarded, 'discarded', now)
settle(ended.cancelled, 'cancelled', now)
return answers

-- Ends attempts: each outcome moves its job to the index of its next state, if the fence holds.
-- KEYS    lease, run, ready, scheduled, retrying, held, completed, discarded, cancelled,
--         result, error, count, cancelling, waiting, progress, checkpoint,
--         unique, unique_key, unique_until
-- ARGV    wake channel, ended channel, number of successes, of their outputs, of reports
--         that were not written yet, then
--         per success: 'fence:id'; per success: id, run record; per output: id, JSON;
--         per report: id, 'progress' or 'checkpoint', JSON;
--         per other outcome: 'fence:id', id, run record, outcome, argument, error line or ''
--         discarded, cancelled, held: no argument; retrying, snoozed: 'delay in ms' 'priority';
--         returned: the ready score
-- RETURNS per attempt, successes first: 1 applied, 0 the fence is old
-- Bounded by the caller: at most 500 attempts a call, at most one of each job.
local lease, run, ready, scheduled, retrying = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local index = { held = KEYS[6], discarded = KEYS[8], cancelled = KEYS[9] }
local completed, result, error_key, count = KEYS[7], KEYS[10], KEYS[11], KEYS[12]
local cancelling, waiting = KEYS[13], KEYS[14]
local reported = { progress = KEYS[15], checkpoint = KEYS[16] }
local successes, outputs, reports = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now = math.floor(now_us() / 1000)
local MAX_ERROR_BYTES = 16384

local first_record = 6 + successes
local first_output = first_record + 2 * successes
local first_report = first_output + 2 * outputs
local first_other = first_report + 3 * reports

-- What was applied: all of it, what of it runs no more, and what of it has ended for good.
local answers, applied, over, ended = {}, {}, {}, {}

-- Successes come in columns, so that the usual case, all fences good, builds no tables.
if successes > 0 then
  local deadlines = redis.call('ZMSCORE', lease, unpack(ARGV, 6, 5 + successes))
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
      over[#over + 1] = id
      ended[#ended + 1] = id
      finished[#finished + 1] = at
      finished[#finished + 1] = id
      if good < successes then
        leases[#leases + 1] = ARGV[5 + n]
        records[#records + 1] = id
        records[#records + 1] = ARGV[first_record + 2 * n - 1]
      end
    end
  end
  -- The removal first: a full Redis accepts it, and it lets the rest through.
  if good == successes then
    redis.call('ZREM', lease, unpack(ARGV, 6, 5 + successes))
    redis.call('HSET', run, unpack(ARGV, first_record, first_output - 1))
    if outputs > 0 then
      redis.call('HSET', result, unpack(ARGV, first_output, first_report - 1))
    end
  elseif good > 0 then
    redis.call('ZREM', lease, unpack(leases))
    redis.call('HSET', run, unpack(records))
    for i = first_output, first_report - 1, 2 do
      if applied[ARGV[i]] then
        kept[#kept + 1] = ARGV[i]
        kept[#kept + 1] = ARGV[i + 1]
      end
    end
    write_pairs('HSET', result, kept)
  end
  if good > 0 then
    redis.call('ZADD', completed, unpack(finished))
    redis.call('HINCRBY', count, 'completed', good)
  end
end

local function add_error(id, line)
  local lines = redis.call('HGET', error_key, id)
  lines = lines and (lines .. '\n' .. line) or line
  while #lines > MAX_ERROR_BYTES do
    local cut = string.find(lines, '\n', 1, true)
    lines = cut and string.sub(lines, cut + 1) or string.sub(lines, 1, MAX_ERROR_BYTES)
  end
  redis.call('HSET', error_key, id, lines)
end

-- Moves a job to a time-ordered index; whether its sleepers must look at their clock again.
local function delay(key, argument, id)
  local ms, priority = string.match(argument, '^(%d+) (%d)$')
  local due = (now + ms) * 10 + priority
  local before = lowest(key)
  redis.call('ZADD', key, int(due), id)
  return not before or due < before
end

local wake = false
for at = first_other, #ARGV, 6 do
  local member, id, record, outcome, argument, line = unpack(ARGV, at, at + 5)
  local removed = redis.call('ZREM', lease, member)
  answers[#answers + 1] = removed
  if removed == 1 then
    applied[id] = true
    redis.call('HSET', run, id, record)
    if outcome == 'retrying' then
      wake = delay(retrying, argument, id) or wake
    elseif outcome == 'snoozed' then
      wake = delay(scheduled, argument, id) or wake
    elseif outcome == 'returned' then
      wake = wake or redis.call('ZCARD', ready) == 0
      redis.call('ZADD', ready, argument, id)
    else
      redis.call('ZADD', index[outcome], int(now), id)
      over[#over + 1] = id
      if outcome ~= 'held' then
        ended[#ended + 1] = id
        redis.call('HINCRBY', count, outcome, 1)
      end
    end
    if line ~= '' then
      add_error(id, line)
    end
  end
end

for i = first_report, first_other - 1, 3 do
  if applied[ARGV[i]] then
    redis.call('HSET', reported[ARGV[i + 1]], ARGV[i], ARGV[i + 2])
  end
end
free_unique(KEYS[17], KEYS[18], KEYS[19], ended, now)
if wake then
  redis.call('PUBLISH', ARGV[1], 'go')
end
if #over > 0 and redis.call('EXISTS', cancelling) == 1 then
  redis.call('SREM', cancelling, unpack(over))
end
if #over > 0 and redis.call('EXISTS', waiting) == 1 then
  local waiters = redis.call('ZMSCORE', waiting, unpack(over))
  for n, id in ipairs(over) do
    if waiters[n] then
      redis.call('ZREM', waiting, id)
      redis.call('PUBLISH', ARGV[2], id)
    end
  end
end
return answers

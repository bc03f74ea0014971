-- Ends attempts: each outcome moves its job to the index of its next state, if the fence holds.
-- PARTS   lease, run, scheduled, retrying, held, completed, discarded, cancelled, result, error,
--         count, cancelling, the tables of reports, and those of groups.lua and ending.lua
-- ARGV    number of successes, of their outputs, of reports that were not written yet, then
--         per success: 'fence:id'; per output: id, JSON;
--         per report: id, 'progress', 'checkpoint' or 'log', text;
--         per other outcome: 'fence:id', id, run record, outcome, argument, error line or ''
--         discarded, cancelled, held: no argument; retrying, snoozed: 'delay in ms' 'priority';
--         returned: the ready score
-- RETURNS the numbers from 1, successes first, of the attempts whose fence was old
-- A success leaves the run record as the claim wrote it: when it ended is its place in `completed`.
-- Bounded by the caller: at most 500 attempts a call, at most one of each job.
local successes, outputs, reports = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = math.floor(now_us() / 1000)
local MAX_ERROR_BYTES = 16384

local first_output = 4 + successes
local first_report = first_output + 2 * outputs
local first_other = first_report + 3 * reports

-- What is refused, by number; what was applied, by id; what of it runs no more; what is over; what
-- completed.
local refused, applied, stopped, over, completed = {}, {}, {}, {}, {}

-- Whether a job is nowhere: its lease was the only index it was in.
local function is_nowhere(id)
  for _, part in ipairs({ 'completed', 'scheduled', 'retrying', 'held', 'discarded', 'cancelled', 'ready' }) do
    if redis.call('ZSCORE', keys[part], id) then
      return false
    end
  end
  return not waits_elsewhere(id)
end

-- Whether the fence of a lease that is gone was good until this call: nobody claimed the job since,
-- and nobody moved it to another index.
local function was_good(fence, id)
  local record = redis.call('HGET', keys.run, id)
  return record and string.match(record, '^%d+ %d+ (%d+)') == fence and is_nowhere(id)
end

if successes > 0 then
  local last = 3 + successes
  -- The removal first: a full Redis accepts it, and it lets the rest through. If it removed them
  -- all, all fences were good; only otherwise is there a need to ask which ones were not.
  local all_good = redis.call('ZREM', keys.lease, unpack(ARGV, 4, last)) == successes
  local at, finished = int(now), {}
  for n = 1, successes do
    local member = ARGV[3 + n]
    local colon = string.find(member, ':', 1, true)
    local id = string.sub(member, colon + 1)
    if all_good or was_good(string.sub(member, 1, colon - 1), id) then
      completed[#completed + 1] = id
      finished[#finished + 1] = at
      finished[#finished + 1] = id
    else
      refused[#refused + 1] = n
    end
  end
  if #completed > 0 then
    redis.call('ZADD', keys.completed, unpack(finished))
    redis.call('HINCRBY', keys.count, 'completed', #completed)
  end
  if all_good and outputs > 0 then
    redis.call('HSET', keys.result, unpack(ARGV, first_output, first_report - 1))
  end
  -- The usual case is done: everything is good, and nobody asks for more.
  local plain = all_good and reports == 0 and first_other > #ARGV
  if plain and not any(keys.cancelling, keys.group_running) then
    settle(completed, 'completed', now)
    return refused
  end
  for n, id in ipairs(completed) do
    applied[id], stopped[n], over[n] = true, id, id
  end
  if not all_good then
    local kept = {}
    for i = first_output, first_report - 1, 2 do
      if applied[ARGV[i]] then
        kept[#kept + 1] = ARGV[i]
        kept[#kept + 1] = ARGV[i + 1]
      end
    end
    write_pairs('HSET', keys.result, kept)
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

-- Whether a job whose attempt did not end it ends nevertheless: its cancellation was asked for.
local anything_to_cancel = any(keys.cancelling)
local function is_cancelled(id, outcome)
  return anything_to_cancel
    and outcome ~= 'discarded'
    and outcome ~= 'cancelled'
    and redis.call('SISMEMBER', keys.cancelling, id) == 1
end

local look_again = false
local back, ended = {}, { discarded = {}, cancelled = {} }
for at = first_other, #ARGV, 6 do
  local member, id, record, outcome, argument, line = unpack(ARGV, at, at + 5)
  if redis.call('ZREM', keys.lease, member) == 0 then
    refused[#refused + 1] = successes + (at - first_other) / 6 + 1
  else
    applied[id] = true
    stopped[#stopped + 1] = id
    if is_cancelled(id, outcome) then
      outcome, record = 'cancelled', (string.gsub(record, '%S+$', 'requested'))
    end
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
    store_report(ARGV[i + 1], ARGV[i], ARGV[i + 2])
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
return refused

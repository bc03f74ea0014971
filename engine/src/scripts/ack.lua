-- Ends attempts: each outcome moves its job to the index of its next state, if the fence holds.
-- KEYS    lease, run, ready, scheduled, retrying, held, completed, discarded, cancelled,
--         result, error, count, cancelling, waiting, progress
-- ARGV    wake channel, ended channel, then per attempt: 'fence:id', outcome, run record,
--         argument, result or '', error line or ''
--         outcome and its argument: completed '', discarded '', cancelled '', held '',
--         retrying and snoozed: delay in ms and priority as 'ms priority', returned: ready score
-- RETURNS per attempt: 1 applied, 0 the fence is old
-- Bounded by the caller: at most 500 attempts a call.
local lease, run, ready, scheduled, retrying = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local final = { held = KEYS[6], completed = KEYS[7], discarded = KEYS[8], cancelled = KEYS[9] }
local result, error_key, count, cancelling, waiting, progress = KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local now = math.floor(now_us() / 1000)
local MAX_ERROR_BYTES = 16384

local members = {}
for i = 3, #ARGV, 6 do
  members[#members + 1] = ARGV[i]
end
local deadlines = redis.call('ZMSCORE', lease, unpack(members))

local answers, released, records, results, errors, ended = {}, {}, {}, {}, {}, {}
local moves, sizes = {}, {}
local function move(key, score, id)
  local list = moves[key] or {}
  moves[key] = list
  list[#list + 1] = score
  list[#list + 1] = id
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

for n, member in ipairs(members) do
  if not deadlines[n] then
    answers[n] = 0
  else
    answers[n] = 1
    local at = 3 + (n - 1) * 6
    local outcome, record, argument = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local _, id = split_lease(member)
    released[#released + 1] = member
    records[#records + 1] = id
    records[#records + 1] = record
    if outcome == 'retrying' or outcome == 'snoozed' then
      local delay, priority = string.match(argument, '^(%d+) (%d)$')
      move(outcome == 'retrying' and retrying or scheduled, int((now + delay) * 10 + priority), id)
    elseif outcome == 'returned' then
      move(ready, argument, id)
    else
      move(final[outcome], int(now), id)
      sizes[outcome] = (sizes[outcome] or 0) + 1
      if outcome ~= 'held' then
        ended[#ended + 1] = id
      end
    end
    if ARGV[at + 4] ~= '' then
      results[#results + 1] = id
      results[#results + 1] = ARGV[at + 4]
    end
    if ARGV[at + 5] ~= '' then
      errors[id] = ARGV[at + 5]
    end
  end
end
if #released == 0 then
  return answers
end

-- First the removal: it is what a full Redis accepts, and what lets the rest through.
redis.call('ZREM', lease, unpack(released))
write_pairs('HSET', run, records)
for id, line in pairs(errors) do
  add_error(id, line)
end
if #results > 0 then
  write_pairs('HSET', result, results)
end
for outcome, size in pairs(sizes) do
  if outcome ~= 'held' then
    redis.call('HINCRBY', count, outcome, size)
  end
end
local wake = false
for key, list in pairs(moves) do
  if key == ready then
    wake = wake or redis.call('ZCARD', ready) == 0
  elseif key == retrying or key == scheduled then
    local before = lowest(key)
    for i = 1, #list, 2 do
      wake = wake or not before or tonumber(list[i]) < before
    end
  end
  write_pairs('ZADD', key, list)
end
if wake then
  redis.call('PUBLISH', ARGV[1], 'go')
end
if redis.call('EXISTS', cancelling) == 1 then
  for i = 1, #records, 2 do
    redis.call('SREM', cancelling, records[i])
  end
end
if #ended > 0 and redis.call('EXISTS', waiting) == 1 then
  local waiters = redis.call('ZMSCORE', waiting, unpack(ended))
  for n, id in ipairs(ended) do
    if waiters[n] then
      redis.call('ZREM', waiting, id)
      redis.call('PUBLISH', ARGV[2], id)
    end
  end
end
return answers

-- Checks one step of one of a queue's keys; what it answers is true at one moment.
-- PARTS   all
-- ARGV    part, cursor, step
-- RETURNS { next cursor, names looked at, then per flaw: what it is, name, detail }
local part = ARGV[1]
local SCANS = { hash = 'HSCAN', zset = 'ZSCAN', set = 'SSCAN' }
local scan = SCANS[redis.call('TYPE', keys[part]).ok]
if not scan then
  return { '0', 0 }
end
local page = redis.call(scan, keys[part], ARGV[2], 'COUNT', ARGV[3])
local answer = { page[1], 0 }
local names, values = {}, {}
for i = 1, #page[2], scan == 'SSCAN' and 1 or 2 do
  names[#names + 1] = page[2][i]
  values[#names] = page[2][i + 1]
end
answer[2] = #names

local function flaw(what, name, detail)
  answer[#answer + 1] = what
  answer[#answer + 1] = name
  answer[#answer + 1] = detail or ''
end

local checks = {}

function checks.job()
  for first = 1, #names, 1000 do
    local last = math.min(first + 999, #names)
    local ids, envelopes = { unpack(names, first, last) }, { unpack(values, first, last) }
    local places = places_of(ids, envelopes)
    for n, id in ipairs(ids) do
      if not places[n] then
        flaw('nowhere', id)
      elseif string.find(places[n], ' ', 1, true) then
        flaw('several', id, places[n])
      end
    end
  end
end

function checks.lease()
  for _, member in ipairs(names) do
    if not string.find(member, ':', 1, true) then
      flaw('lease', member, 'none')
    else
      local fence, id = split_lease(member)
      local record = redis.call('HGET', keys.run, id)
      if not is_stored(id) then
        flaw('entry', member, part)
      elseif fence_of(record) ~= fence then
        flaw('lease', member, fence_of(record))
      end
    end
  end
end

function checks.index()
  for _, id in ipairs(names) do
    if not belongs(part, id) then
      flaw('entry', id, part)
    end
  end
end

function checks.companions()
  for _, id in ipairs(names) do
    if not may_have(part, id) then
      flaw('companion', id, part)
    end
  end
end

function checks.unique()
  for n, key in ipairs(names) do
    if not is_had(key, values[n]) then
      flaw('unique', key, values[n])
    end
  end
end

function checks.unique_key()
  checks.companions()
  for n, id in ipairs(names) do
    if may_have(part, id) and redis.call('HGET', keys.unique, values[n]) ~= id then
      flaw('unique_key', id, values[n])
    end
  end
end

-- Counts of available jobs outside `ready`: of groups and of kinds that are set aside.
function checks.counts()
  local index = part == 'groups' and 'line:' or 'aside:'
  for n, name in ipairs(names) do
    if redis.call('ZCARD', keys[index .. name]) ~= tonumber(values[n]) then
      flaw('line', name, part)
    elseif part == 'groups' and not has_its_turn(name) then
      flaw('turn', name)
    end
  end
end

function checks.turns()
  for _, group in ipairs(names) do
    if not has_its_turn(group) then
      flaw('turn', group)
    end
  end
end

local KINDS = { groups = 'counts', asides = 'counts' }
for _, index in ipairs(INDEXES) do
  KINDS[index] = 'index'
end
for _, companion in ipairs({ 'run', 'result', 'error', 'progress', 'checkpoint', 'log', 'replayed', 'group_of', 'follow', 'cancelling' }) do
  KINDS[companion] = 'companions'
end
local is_line = string.find(part, '^line:') or string.find(part, '^aside:')
checks[is_line and 'index' or KINDS[part] or part]()
-- A line that nobody counts is never claimed from; the others are checked with the counts.
if is_line then
  local sort, name = string.match(part, '^(%a+):(.*)$')
  local counts = sort == 'line' and 'groups' or 'asides'
  if not redis.call('ZSCORE', keys[counts], name) then
    flaw('line', name, counts)
  end
end
return answer

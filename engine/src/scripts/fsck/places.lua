-- Put behind groups.lua where a job's place is looked for in all indexes, whatever they say.
local INDEXES = { 'scheduled', 'ready', 'retrying', 'held', 'completed', 'cancelled', 'discarded' }

local function fence_of(record)
  return record and string.match(record, '^%d+ %d+ (%d+) ') or '0'
end

-- Where the jobs are: per id the names of its indexes, separated by spaces, or nil.
-- At most 1,000 ids a call.
local function places_of(ids, envelopes)
  local places = {}
  local function note(index, scores)
    for n = 1, #ids do
      if scores[n] then
        places[n] = places[n] and (places[n] .. ' ' .. index) or index
      end
    end
  end
  for _, index in ipairs(INDEXES) do
    if any(keys[index]) then
      note(index, redis.call('ZMSCORE', keys[index], unpack(ids)))
    end
  end
  if any(keys.lease) then
    local leases, records = {}, redis.call('HMGET', keys.run, unpack(ids))
    for n, id in ipairs(ids) do
      leases[n] = fence_of(records[n]) .. ':' .. id
    end
    note('lease', redis.call('ZMSCORE', keys.lease, unpack(leases)))
  end
  if any(keys.group_of) then
    local lined = {}
    for n, member in ipairs(redis.call('HMGET', keys.group_of, unpack(ids))) do
      lined[n] = member and redis.call('ZSCORE', keys['line:' .. split_group(member)], ids[n])
    end
    note('line', lined)
  end
  if any(keys.asides) then
    local aside = {}
    for n, id in ipairs(ids) do
      local kind = kind_of(envelopes[n])
      aside[n] = kind and redis.call('ZSCORE', keys['aside:' .. kind], id)
    end
    note('aside', aside)
  end
  return places
end

local function is_stored(id)
  return redis.call('HEXISTS', keys.job, id) == 1
end

local function is_over(id)
  for _, index in ipairs({ 'completed', 'cancelled', 'discarded' }) do
    if redis.call('ZSCORE', keys[index], id) then
      return true
    end
  end
  return false
end

-- Whether an entry is of a job that is stored and may be in that index.
local function belongs(index, id)
  if not is_stored(id) then
    return false
  end
  local sort, name = string.match(index, '^(%a+):(.*)$')
  if sort == 'line' then
    local member = redis.call('HGET', keys.group_of, id)
    return member and split_group(member) == name
  elseif sort == 'aside' then
    return kind_of(redis.call('HGET', keys.job, id)) == name
  end
  return true
end

-- Whether a table's entry is of a job that may have one; some belong to live jobs only.
local OF_LIVE_JOBS = { group_of = true, follow = true, unique_key = true, cancelling = true }
local function may_have(part, id)
  return is_stored(id) and not (OF_LIVE_JOBS[part] and is_over(id))
end

-- Whether a unique key is had by the job it names, or by a window.
local function is_had(key, owner)
  return redis.call('HGET', keys.unique_key, owner) == key or redis.call('ZSCORE', keys.unique_until, key)
end

-- Whether a group has its place in the line exactly if it may start a job.
local function has_its_turn(group)
  local may = any(keys['line:' .. group]) and group_room(group) > 0
  return may == (redis.call('ZSCORE', keys.turns, group) ~= false)
end

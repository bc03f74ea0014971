-- Repairs one flaw that check.lua found, if it is still there. Nothing is run, or run again, by
-- guess: a job whose place is not certain is held.
-- PARTS   all
-- ARGV    what it is, name, detail: as check.lua says them
-- RETURNS what was done, or '' if there was nothing to do or it is left to a human
local now = int(math.floor(now_us() / 1000))

local function place_of(id)
  return places_of({ id }, { redis.call('HGET', keys.job, id) })[1]
end

-- Takes a job out of every index and holds it.
local function hold(id)
  local record = redis.call('HGET', keys.run, id)
  local ran = redis.call('ZREM', keys.lease, fence_of(record) .. ':' .. id) == 1
  for _, index in ipairs(INDEXES) do
    redis.call('ZREM', keys[index], id)
  end
  take_out(id)
  if ran then
    leave_group({ id })
  end
  local facts, worker = string.match(record or '', '^(%d+ %d+ %d+ %d+ %d+) %d+ (%S+)')
  redis.call('HSET', keys.run, id, (facts or '0 0 0 0 0') .. ' ' .. now .. ' ' .. (worker or '-') .. ' fsck')
  redis.call('ZADD', keys.held, now, id)
  return 'held'
end

local repairs = {}

function repairs.nowhere(id)
  return is_stored(id) and not place_of(id) and hold(id)
end

-- A lease under the fence of the record is the one certain thing: that attempt runs.
function repairs.several(id)
  local places = place_of(id)
  if not places or not string.find(places, ' ', 1, true) then
    return
  end
  if not string.find(places, 'lease', 1, true) then
    return hold(id)
  end
  for _, index in ipairs(INDEXES) do
    redis.call('ZREM', keys[index], id)
  end
  take_out(id)
  return 'kept running'
end

function repairs.lease(member)
  local id = string.find(member, ':', 1, true) and select(2, split_lease(member))
  if id and fence_of(redis.call('HGET', keys.run, id)) .. ':' .. id == member then
    return
  end
  if redis.call('ZREM', keys.lease, member) == 0 then
    return
  end
  if id and is_stored(id) and not place_of(id) then
    return hold(id)
  end
  return 'removed'
end

function repairs.entry(member, index)
  local id = index == 'lease' and select(2, split_lease(member)) or member
  if not belongs(index, id) and redis.call('ZREM', keys[index], member) == 1 then
    return 'removed'
  end
end

function repairs.companion(id, part)
  if may_have(part, id) then
    return
  end
  if part == 'cancelling' then
    return redis.call('SREM', keys.cancelling, id) == 1 and 'removed'
  end
  if part == 'unique_key' then
    local key = redis.call('HGET', keys.unique_key, id)
    if key and redis.call('HGET', keys.unique, key) == id and not redis.call('ZSCORE', keys.unique_until, key) then
      redis.call('HDEL', keys.unique, key)
    end
  end
  return redis.call('HDEL', keys[part], id) == 1 and 'removed'
end

function repairs.unique(key)
  local owner = redis.call('HGET', keys.unique, key)
  if owner and not is_had(key, owner) then
    redis.call('HDEL', keys.unique, key)
    return 'freed'
  end
end

-- Two live jobs with one key are left to a human.
function repairs.unique_key(id, key)
  if may_have('unique_key', id) and redis.call('HGET', keys.unique_key, id) == key then
    return redis.call('HSETNX', keys.unique, key, id) == 1 and 'given back'
  end
end

function repairs.line(name, part)
  local jobs = redis.call('ZCARD', keys[(part == 'groups' and 'line:' or 'aside:') .. name])
  if jobs == tonumber(redis.call('ZSCORE', keys[part], name) or 0) then
    return
  end
  if jobs > 0 then
    redis.call('ZADD', keys[part], jobs, name)
  else
    redis.call('ZREM', keys[part], name)
  end
  if part == 'groups' then
    offer(name)
  end
  return 'counted anew'
end

function repairs.turn(group)
  if not has_its_turn(group) then
    offer(group)
    wake()
    return 'lined up anew'
  end
end

return repairs[ARGV[1]](ARGV[2], ARGV[3]) or ''

-- Put behind the prelude where jobs end for good.

-- Frees the unique keys of jobs that are over; a key with an open window stays taken.
local function free_unique(ids, now)
  if not any(keys.unique_key) then
    return
  end
  local names = redis.call('HMGET', keys.unique_key, unpack(ids))
  for n, id in ipairs(ids) do
    local name = names[n]
    if name then
      redis.call('HDEL', keys.unique_key, id)
      if tonumber(redis.call('ZSCORE', keys.unique_until, name) or 0) <= now then
        redis.call('HDEL', keys.unique, name)
        redis.call('ZREM', keys.unique_until, name)
      end
    end
  end
end

-- Says that jobs which somebody follows (a batch, a chain) are over, until a courier has told.
local function signal(ids, state, now)
  if not any(keys.follow) then
    return
  end
  local markers = redis.call('HMGET', keys.follow, unpack(ids))
  local told = false
  for n, id in ipairs(ids) do
    if markers[n] then
      redis.call('HDEL', keys.follow, id)
      redis.call('HSET', keys.signals, id, state .. ' ' .. int(now) .. ' ' .. markers[n])
      told = true
    end
  end
  if told then
    redis.call('PUBLISH', keys.wake, 'signals')
  end
end

-- Most jobs that may wait for the history; beyond that the oldest are forgotten.
local MAX_UNARCHIVED = 1000000

-- Notes jobs for the history, while somebody keeps one.
local function note_for_history(ids)
  if any(keys.archive) then
    local surplus = redis.call('RPUSH', keys.unarchived, unpack(ids)) - MAX_UNARCHIVED
    if surplus > 0 then
      redis.call('LTRIM', keys.unarchived, -MAX_UNARCHIVED, -1)
      redis.call('HINCRBY', keys.count, 'unrecorded', surplus)
    end
  end
end

-- Tells those who wait for the end of jobs.
local function tell_waiters(ids)
  if #ids == 0 or not any(keys.waiting) then
    return
  end
  local waiters = redis.call('ZMSCORE', keys.waiting, unpack(ids))
  for n, id in ipairs(ids) do
    if waiters[n] then
      redis.call('ZREM', keys.waiting, id)
      redis.call('PUBLISH', keys.ended, id)
    end
  end
end

-- What follows when jobs are over for good in a state, besides their place in its index. They
-- must have left their groups before.
local function settle(ids, state, now)
  if #ids == 0 or not any(keys.unique_key, keys.group_of, keys.follow, keys.archive, keys.waiting) then
    return
  end
  free_unique(ids, now)
  if any(keys.group_of) then
    redis.call('HDEL', keys.group_of, unpack(ids))
  end
  signal(ids, state, now)
  note_for_history(ids)
  tell_waiters(ids)
end

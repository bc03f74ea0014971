-- Put before every script: the clock, the scores and the signals that the scripts share.
-- A `ready` score is priority * PRIORITY_STEP + microseconds since READY_EPOCH_US; a due score
-- is milliseconds * 10 + priority. Both are exact in a double. See keys.rs.
local PRIORITY_STEP = 9e14
local READY_EPOCH_US = 1735689600000000

-- Redis' own time in microseconds since 1970.
local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function ready_score(priority, us)
  return priority * PRIORITY_STEP + (us - READY_EPOCH_US)
end

-- An integer as text; Lua alone would write large ones as 1.7e+12.
local function int(n)
  return string.format('%.0f', n)
end

-- 'fence:id' -> fence, id
local function split_lease(member)
  local at = string.find(member, ':', 1, true)
  return string.sub(member, 1, at - 1), string.sub(member, at + 1)
end

-- Adds pairs to a key with as few calls as unpack allows (its limit is near 8,000 values).
local function write_pairs(command, key, pairs)
  for i = 1, #pairs, 1000 do
    redis.call(command, key, unpack(pairs, i, math.min(i + 999, #pairs)))
  end
end

-- The lowest score of a zset, or nil.
local function lowest(key)
  return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
end

-- A full Redis (maxmemory) refuses commands that may grow it, unless the script has written
-- already. Removing nothing counts as a write: what ends or keeps a job alive must go through.
local function even_if_full(zset)
  redis.call('ZREM', zset, '')
end

-- Frees the unique keys of jobs that are over; a key with an open window stays taken.
local function free_unique(unique, unique_key, unique_until, ids, now)
  if #ids == 0 or redis.call('EXISTS', unique_key) == 0 then
    return
  end
  local keys = redis.call('HMGET', unique_key, unpack(ids))
  for n, id in ipairs(ids) do
    local key = keys[n]
    if key then
      redis.call('HDEL', unique_key, id)
      if tonumber(redis.call('ZSCORE', unique_until, key) or 0) <= now then
        redis.call('HDEL', unique, key)
        redis.call('ZREM', unique_until, key)
      end
    end
  end
end

-- Put before every script: the names of a queue's keys, the clock, the scores, and what several
-- transitions have in common.
-- KEYS[1] is the queue's base, 'prefix:{queue}'; all keys of a queue share its hash tag.
-- A `ready` score is priority * PRIORITY_STEP + microseconds since READY_EPOCH_US; a due score
-- is milliseconds * 10 + priority. Both are exact in a double. See keys.rs.
local PRIORITY_STEP = 9e14
local READY_EPOCH_US = 1735689600000000

-- keys.ready is 'prefix:{queue}:ready', and so on for every part that keys.rs knows.
local keys = setmetatable({}, {
  __index = function(names, part)
    local key = KEYS[1] .. ':' .. part
    rawset(names, part, key)
    return key
  end,
})

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

-- Whether any of these keys is there.
local function any(...)
  return redis.call('EXISTS', ...) > 0
end

-- A full Redis (maxmemory) refuses commands that may grow it, unless the script has written
-- already. Removing nothing counts as a write: what ends or keeps a job alive must go through.
local function even_if_full(zset)
  redis.call('ZREM', zset, '')
end

-- Wakes idle workers. A worker that finds jobs goes on until there are none.
local function wake()
  redis.call('PUBLISH', keys.wake, 'go')
end

-- The kind in a stored envelope, which always begins with version and kind; nil in anything else.
local function kind_of(envelope)
  return envelope and string.match(envelope, '^{"v":%d+,"kind":"([^"]*)"')
end

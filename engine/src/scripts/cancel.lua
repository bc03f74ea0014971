-- Cancels a job: at once if it waits, by its worker if it runs.
-- PARTS   job, run, scheduled, retrying, held, lease, cancelled, cancelling, count, and those of
--         groups.lua and ending.lua
-- ARGV    id
-- RETURNS 'cancelled', 'cancelling', 'final' or 'unknown'
local id = ARGV[1]
if redis.call('HEXISTS', keys.job, id) == 0 then
  return 'unknown'
end
local now = math.floor(now_us() / 1000)
local record = redis.call('HGET', keys.run, id) or '0 0 0 0 0 0 - -'

local function waits()
  for _, index in ipairs({ keys.scheduled, keys.retrying, keys.held }) do
    if redis.call('ZREM', index, id) == 1 then
      return true
    end
  end
  return take_out(id)
end

if waits() then
  local facts, worker = string.match(record, '^(%d+ %d+ %d+ %d+ %d+) %d+ (%S+)')
  redis.call('HSET', keys.run, id, facts .. ' ' .. int(now) .. ' ' .. worker .. ' requested')
  redis.call('ZADD', keys.cancelled, int(now), id)
  -- A mark left by an older release, whose outcomes overlook it, must not outlive this.
  redis.call('SREM', keys.cancelling, id)
  redis.call('HINCRBY', keys.count, 'cancelled', 1)
  settle({ id }, 'cancelled', now)
  return 'cancelled'
end
local fence = string.match(record, '^%d+ %d+ (%d+)')
if redis.call('ZSCORE', keys.lease, fence .. ':' .. id) then
  redis.call('SADD', keys.cancelling, id)
  redis.call('PUBLISH', keys.wake, 'cancel ' .. id)
  return 'cancelling'
end
return 'final'

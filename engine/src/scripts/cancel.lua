-- Ends a job by hand. What waits or is held ends at once; what runs is asked to stop if it is to be
-- cancelled, and left alone if it is to be discarded.
-- PARTS   job, run, scheduled, retrying, held, lease, cancelled, discarded, cancelling, count, error,
--         and those of groups.lua and ending.lua
-- ARGV    id, 'cancelled' or 'discarded', the index that it must be in or '', a note for people or ''
-- RETURNS the state asked for, 'cancelling', 'running', 'changed' if it is not in that index,
--         'final' or 'unknown'
local id, ending, wanted, note = unpack(ARGV)
local MAX_ERROR_BYTES = 16384
if redis.call('HEXISTS', keys.job, id) == 0 then
  return 'unknown'
end
if wanted ~= '' and not redis.call('ZSCORE', keys[wanted], id) then
  return 'changed'
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

-- Beside the errors, where whoever looks at the job sees it.
local function add_note(attempt)
  local line = cjson.encode({ attempt = tonumber(attempt), at = now, kind = ending, message = note })
  local lines = redis.call('HGET', keys.error, id)
  if not lines or #lines + #line < MAX_ERROR_BYTES then
    redis.call('HSET', keys.error, id, lines and (lines .. '\n' .. line) or line)
  end
end

if waits() then
  local facts, worker = string.match(record, '^(%d+ %d+ %d+ %d+ %d+) %d+ (%S+)')
  redis.call('HSET', keys.run, id, facts .. ' ' .. int(now) .. ' ' .. worker .. ' requested')
  redis.call('ZADD', keys[ending], int(now), id)
  -- A mark left by an older release, whose outcomes overlook it, must not outlive this.
  redis.call('SREM', keys.cancelling, id)
  redis.call('HINCRBY', keys.count, ending, 1)
  if note ~= '' then
    add_note(string.match(record, '^%d+'))
  end
  settle({ id }, ending, now)
  return ending
end
local fence = string.match(record, '^%d+ %d+ (%d+)')
if not redis.call('ZSCORE', keys.lease, fence .. ':' .. id) then
  return 'final'
end
if ending == 'discarded' then
  return 'running'
end
redis.call('SADD', keys.cancelling, id)
redis.call('PUBLISH', keys.wake, 'cancel ' .. id)
return 'cancelling'

-- Stores a new job that was made from an old one, lines it up and notes it with the old one. A
-- held old one is discarded by it, and what it had goes to the new one.
-- PARTS   job, run, held, completed, discarded, cancelled, count, replayed, unique, unique_key, and
--         those of groups.lua and ending.lua
-- ARGV    old id, new id, new envelope, priority, unique key or '', 'limit:group' or '',
--         most new ids that are kept
-- RETURNS the state of the old one, 'unknown', 'live' if it is neither held nor over, or
--         'taken ID' if another job has the unique key now
local old, new, envelope, priority, key, member, most = unpack(ARGV)
if redis.call('HEXISTS', keys.job, old) == 0 then
  return 'unknown'
end
local state
for _, name in ipairs({ 'held', 'completed', 'discarded', 'cancelled' }) do
  if redis.call('ZSCORE', keys[name], old) then
    state = name
  end
end
if not state then
  return 'live'
end
if key ~= '' then
  local owner = redis.call('HGET', keys.unique, key)
  if owner and owner ~= old and redis.call('HEXISTS', keys.unique_key, owner) == 1 then
    return 'taken ' .. owner
  end
end

local us = now_us()
if state == 'held' then
  local now = math.floor(us / 1000)
  redis.call('ZREM', keys.held, old)
  local record = redis.call('HGET', keys.run, old) or '0 0 0 0 0 0 - -'
  local facts, worker = string.match(record, '^(%d+ %d+ %d+ %d+ %d+) %d+ (%S+)')
  redis.call('HSET', keys.run, old, facts .. ' ' .. int(now) .. ' ' .. worker .. ' replayed')
  redis.call('ZADD', keys.discarded, int(now), old)
  redis.call('HINCRBY', keys.count, 'discarded', 1)
  settle({ old }, 'discarded', now)
end

redis.call('HSET', keys.job, new, envelope)
redis.call('HINCRBY', keys.count, 'enqueued', 1)
if key ~= '' then
  redis.call('HSET', keys.unique, key, new)
  redis.call('HSET', keys.unique_key, new, key)
end
if member ~= '' then
  redis.call('HSET', keys.group_of, new, member)
end
local ids = {}
for id in string.gmatch(redis.call('HGET', keys.replayed, old) or '', '%S+') do
  ids[#ids + 1] = id
end
ids[#ids + 1] = new
redis.call('HSET', keys.replayed, old, table.concat(ids, ' ', math.max(1, #ids - most + 1)))
if nothing_to_claim() then
  wake()
end
line_up({ int(ready_score(tonumber(priority), us)), new })
return state

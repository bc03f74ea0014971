-- Lines a job up again now: from held, discarded or cancelled with a fresh set of attempts,
-- from scheduled or retrying ahead of its time.
-- KEYS    job, run, ready, scheduled, retrying, held, discarded, cancelled, count,
--         unique, unique_key, unique_until
-- ARGV    id, priority, wake channel, unique key or ''
-- RETURNS the state it was in, 'unknown', 'unchanged' for available, running and completed,
--         or 'taken ID' if another job has its unique key now
local id = ARGV[1]
if redis.call('HEXISTS', KEYS[1], id) == 0 then
  return 'unknown'
end
-- A job that is over gave its unique key back; it needs it again to live.
local key = ARGV[4]
if key ~= '' and (redis.call('ZSCORE', KEYS[7], id) or redis.call('ZSCORE', KEYS[8], id)) then
  local owner = redis.call('HGET', KEYS[10], key)
  if owner and owner ~= id and redis.call('HEXISTS', KEYS[11], owner) == 1 then
    return 'taken ' .. owner
  end
  redis.call('HSET', KEYS[10], key, id)
  redis.call('HSET', KEYS[11], id, key)
end

local names = { [4] = 'scheduled', [5] = 'retrying', [6] = 'held', [7] = 'discarded', [8] = 'cancelled' }
for n = 4, 8 do
  if redis.call('ZREM', KEYS[n], id) == 1 then
    if n >= 6 then
      -- Attempts and losses start again; the fence never goes back.
      local record = redis.call('HGET', KEYS[2], id)
      local fence = record and string.match(record, '^%d+ %d+ (%d+)') or '0'
      redis.call('HSET', KEYS[2], id, '0 0 ' .. fence .. ' 0 0 0 - -')
    end
    if n >= 7 then
      redis.call('HINCRBY', KEYS[9], names[n], -1)
    end
    if redis.call('ZCARD', KEYS[3]) == 0 then
      redis.call('PUBLISH', ARGV[3], 'go')
    end
    redis.call('ZADD', KEYS[3], int(ready_score(tonumber(ARGV[2]), now_us())), id)
    return names[n]
  end
end
return 'unchanged'

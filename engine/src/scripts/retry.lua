-- Lines a job up again now: from held, discarded or cancelled with a fresh set of attempts,
-- from scheduled or retrying ahead of its time.
-- PARTS   job, run, scheduled, retrying, held, discarded, cancelled, count, unique, unique_key,
--         follow, signals, and those of groups.lua
-- ARGV    id, priority, unique key or '', 'limit:group' or '', marker of who follows it or '',
--         the index that it must be in or ''
-- RETURNS the state it was in, 'unknown', 'unchanged' for available, running and completed,
--         'changed' if it is not in that index, or 'taken ID' if another job has its unique key now
local id, priority, key, member, marker, wanted = unpack(ARGV)
if redis.call('HEXISTS', keys.job, id) == 0 then
  return 'unknown'
end
if wanted ~= '' and not redis.call('ZSCORE', keys[wanted], id) then
  return 'changed'
end

-- A job that is over gave everything back that a live one has; it needs it again to live.
if redis.call('ZSCORE', keys.discarded, id) or redis.call('ZSCORE', keys.cancelled, id) then
  if key ~= '' then
    local owner = redis.call('HGET', keys.unique, key)
    if owner and owner ~= id and redis.call('HEXISTS', keys.unique_key, owner) == 1 then
      return 'taken ' .. owner
    end
    redis.call('HSET', keys.unique, key, id)
    redis.call('HSET', keys.unique_key, id, key)
  end
  if member ~= '' then
    redis.call('HSET', keys.group_of, id, member)
  end
  if marker ~= '' then
    redis.call('HSET', keys.follow, id, marker)
    redis.call('HSET', keys.signals, id, 'live ' .. int(math.floor(now_us() / 1000)) .. ' ' .. marker)
    redis.call('PUBLISH', keys.wake, 'signals')
  end
end

for _, state in ipairs({ 'scheduled', 'retrying', 'held', 'discarded', 'cancelled' }) do
  if redis.call('ZREM', keys[state], id) == 1 then
    if state ~= 'scheduled' and state ~= 'retrying' then
      -- Attempts and losses start again; the fence never goes back.
      local record = redis.call('HGET', keys.run, id)
      local fence = record and string.match(record, '^%d+ %d+ (%d+)') or '0'
      redis.call('HSET', keys.run, id, '0 0 ' .. fence .. ' 0 0 0 - -')
    end
    if state == 'discarded' or state == 'cancelled' then
      redis.call('HINCRBY', keys.count, state, -1)
    end
    if nothing_to_claim() then
      wake()
    end
    line_up({ int(ready_score(tonumber(priority), now_us())), id })
    return state
  end
end
return 'unchanged'

-- Takes back the jobs whose lease ran out: to their old place in the line, or to `held` when
-- their worker died under them too often.
-- KEYS    lease, ready, held, run, error, count, cancelling, cancelled,
--         unique, unique_key, unique_until
-- ARGV    most jobs a call, losses that hold a job, wake channel
-- RETURNS { back in the line, held, cancelled, next end of a lease in ms or -1 }
local lease, ready, held, run, error_key, count, cancelling, cancelled = unpack(KEYS, 1, 8)
local now = math.floor(now_us() / 1000)

local expired = redis.call('ZRANGEBYSCORE', lease, '-inf', now, 'LIMIT', 0, ARGV[1])
local requeued, stopped, dropped = 0, 0, 0
for _, member in ipairs(expired) do
  local _, id = split_lease(member)
  local record = redis.call('HGET', run, id) or ''
  local attempt, lost, fence, score, started, worker =
    string.match(record, '^(%d+) (%d+) (%d+) (%d+) (%d+) %d+ (%S+)')
  redis.call('ZREM', lease, member)
  if attempt then
    lost = lost + 1
    local facts = attempt .. ' ' .. lost .. ' ' .. fence .. ' ' .. score .. ' ' .. started .. ' '
    if redis.call('SREM', cancelling, id) == 1 then
      redis.call('ZADD', cancelled, int(now), id)
      redis.call('HSET', run, id, facts .. int(now) .. ' ' .. worker .. ' requested')
      redis.call('HINCRBY', count, 'cancelled', 1)
      free_unique(KEYS[9], KEYS[10], KEYS[11], { id }, now)
      dropped = dropped + 1
    elseif lost >= tonumber(ARGV[2]) then
      redis.call('ZADD', held, int(now), id)
      redis.call('HSET', run, id, facts .. int(now) .. ' ' .. worker .. ' crash_loop')
      stopped = stopped + 1
    else
      if redis.call('ZCARD', ready) == 0 then
        redis.call('PUBLISH', ARGV[3], 'go')
      end
      redis.call('ZADD', ready, score, id)
      redis.call('HSET', run, id, facts .. '0 ' .. worker .. ' -')
      requeued = requeued + 1
    end
    local line = cjson.encode({ attempt = tonumber(attempt), at = now, kind = 'lease_lost', message = 'worker ' .. worker .. ' stopped beating' })
    local lines = redis.call('HGET', error_key, id)
    if not lines or #lines < 16000 then
      redis.call('HSET', error_key, id, lines and (lines .. '\n' .. line) or line)
    end
  end
end
if #expired > 0 then
  redis.call('HINCRBY', count, 'lease_lost', #expired)
end
return { requeued, stopped, dropped, lowest(lease) or -1 }

-- Takes back the jobs whose lease ran out: to their old place in the line, or to `held` when
-- their worker died under them too often.
-- PARTS   lease, job, held, run, error, count, cancelling, cancelled, and those of groups.lua and
--         ending.lua
-- ARGV    most jobs a call, losses that hold a job
-- RETURNS { back in the line, held, cancelled, next end of a lease in ms or -1 }
local MAX_ERROR_BYTES = 16000
local now = math.floor(now_us() / 1000)
local at = int(now)

local function note(id, attempt, worker)
  local line = cjson.encode({ attempt = tonumber(attempt), at = now, kind = 'lease_lost', message = 'worker ' .. worker .. ' stopped beating' })
  local lines = redis.call('HGET', keys.error, id)
  if not lines or #lines < MAX_ERROR_BYTES then
    redis.call('HSET', keys.error, id, lines and (lines .. '\n' .. line) or line)
  end
end

local expired = redis.call('ZRANGEBYSCORE', keys.lease, '-inf', now, 'LIMIT', 0, ARGV[1])
local ids, back, held, cancelled = {}, {}, {}, {}
for _, member in ipairs(expired) do
  local of, id = split_lease(member)
  local attempt, lost, fence, score, started, worker =
    string.match(redis.call('HGET', keys.run, id) or '', '^(%d+) (%d+) (%d+) (%d+) (%d+) %d+ (%S+)')
  redis.call('ZREM', keys.lease, member)
  ids[#ids + 1] = id
  if not attempt then
    -- Its record was deleted by hand: nothing says where it belongs or how often it failed.
    if redis.call('HEXISTS', keys.job, id) == 1 then
      attempt, lost, fence, score, started, worker = '0', ARGV[2], of, '0', '0', '-'
    end
  end
  if attempt then
    lost = lost + 1
    local facts = attempt .. ' ' .. lost .. ' ' .. fence .. ' ' .. score .. ' ' .. started .. ' '
    if redis.call('SREM', keys.cancelling, id) == 1 then
      redis.call('ZADD', keys.cancelled, at, id)
      redis.call('HSET', keys.run, id, facts .. at .. ' ' .. worker .. ' requested')
      redis.call('HINCRBY', keys.count, 'cancelled', 1)
      cancelled[#cancelled + 1] = id
    elseif lost >= tonumber(ARGV[2]) then
      redis.call('ZADD', keys.held, at, id)
      redis.call('HSET', keys.run, id, facts .. at .. ' ' .. worker .. ' crash_loop')
      held[#held + 1] = id
    else
      redis.call('HSET', keys.run, id, facts .. '0 ' .. worker .. ' -')
      back[#back + 1] = score
      back[#back + 1] = id
    end
    note(id, attempt, worker)
  end
end
if #expired > 0 then
  redis.call('HINCRBY', keys.count, 'lease_lost', #expired)
end
leave_group(ids)
if #back > 0 and nothing_to_claim() then
  wake()
end
line_up(back)
tell_waiters(held)
settle(cancelled, 'cancelled', now)
return { #back / 2, #held, #cancelled, lowest(keys.lease) or -1 }

-- Takes the next finished jobs for the history, and forgets those that it has got meanwhile.
-- One archiver at a time has the lock; another one's call, or one whose lock ran out, forgets
-- nothing, so that no job leaves the list before it was written down.
-- PARTS   archive, archiver, unarchived, count, job, run, error, result, completed, discarded, cancelled
-- ARGV    archiver, its lock in ms, how long jobs are noted from now on in s,
--         the last job that was written down or '', how many there were,
--         most jobs to take; 0 gives the lock back
-- RETURNS { 1 if the archiver has the lock else 0, jobs that are noted, those that are lost for
--           the history (gone, or forgotten since the last call), how many were taken, the last of them or '', then per job: id, state, since
--           when in ms, envelope without its payload, run record or '', last error line or '',
--           size of the output }
-- Bounded by the caller: at most 500 jobs a call.
local me, last, written, most = ARGV[1], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
even_if_full(keys.completed)
redis.call('SET', keys.archive, '1', 'EX', ARGV[3])
local owner = redis.call('GET', keys.archiver)
if owner and owner ~= me then
  return { 0, redis.call('LLEN', keys.unarchived), 0, 0, '' }
end
-- The list may have lost its head since, when it was full: the last one says how much is left.
if owner == me and written > 0 then
  local at = redis.call('LPOS', keys.unarchived, last, 'MAXLEN', written)
  if at then
    redis.call('LTRIM', keys.unarchived, at + 1, -1)
  end
end
if most == 0 then
  redis.call('DEL', keys.archiver)
  return { 1, redis.call('LLEN', keys.unarchived), 0, 0, '' }
end
redis.call('SET', keys.archiver, me, 'PX', ARGV[2])
local lost = tonumber(redis.call('HGET', keys.count, 'unrecorded') or 0)
if lost > 0 then
  redis.call('HDEL', keys.count, 'unrecorded')
end

local ids = redis.call('LRANGE', keys.unarchived, 0, most - 1)
local answer = { 1, redis.call('LLEN', keys.unarchived), lost, #ids, ids[#ids] or '' }
if #ids == 0 then
  return answer
end

-- A job is final in one of these, unless somebody ran it again meanwhile: then it will end again.
local states = { 'completed', 'discarded', 'cancelled' }
local since = {}
for n, state in ipairs(states) do
  since[n] = redis.call('ZMSCORE', keys[state], unpack(ids))
end
local function final(n)
  for k, state in ipairs(states) do
    if since[k][n] then
      return state, since[k][n]
    end
  end
end

local envelopes = redis.call('HMGET', keys.job, unpack(ids))
local records = redis.call('HMGET', keys.run, unpack(ids))
local errors = any(keys.error) and redis.call('HMGET', keys.error, unpack(ids)) or {}
local outputs = any(keys.result)
for n, id in ipairs(ids) do
  local envelope = envelopes[n]
  local state, at = final(n)
  if not envelope then
    answer[3] = answer[3] + 1
  elseif state then
    -- The payload is the last field; quotes inside a string would have a backslash.
    local cut = string.find(envelope, '"payload":', 1, true)
    local row = {
      id,
      state,
      at,
      cut and (string.sub(envelope, 1, cut - 1) .. '"payload":null}') or envelope,
      records[n] or '',
      errors[n] and string.match(errors[n], '[^\n]*$') or '',
      outputs and redis.call('HSTRLEN', keys.result, id) or 0,
    }
    for k = 1, 7 do
      answer[#answer + 1] = row[k]
    end
  end
end
return answer

-- Lends out the first tasks of a queue of apalis-redis: those that were lent out for too long, then
-- those that are ready, then those that are scheduled, whether their time has come or not.
-- KEYS    the queue's name; its keys are NAME:active and so on
-- ARGV    most tasks, ms for which they are lent out, most bytes of payloads after the first one
-- RETURNS per task: 'RUN_AT:ID' (seconds, 0 for at once), its payload or nil, its max_attempts or nil
-- Bounded by the caller: at most 500 tasks a call.
local queue = KEYS[1]
local most, lease, bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local active, scheduled, data = queue .. ':active', queue .. ':scheduled', queue .. ':data'
local holding = queue .. ':rouage:holding'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function id_of(member)
  return string.sub(member, string.find(member, ':', 1, true) + 1)
end

local tasks, lent, size = {}, {}, 0
-- Whether there is room for one more; the first one always has it.
local function fits(member)
  if #tasks >= most then
    return false
  end
  local id = id_of(member)
  size = size + redis.call('HSTRLEN', data, id)
  if size > bytes and #tasks > 0 then
    return false
  end
  tasks[#tasks + 1] = member
  lent[#lent + 1] = string.format('%.0f', now + lease)
  lent[#lent + 1] = member
  return true
end

-- Fills up from candidates; how many there was room for.
local function fill(members)
  for n, member in ipairs(members) do
    if not fits(member) then
      return n - 1
    end
  end
  return #members
end

local late = redis.call('ZRANGEBYSCORE', holding, '-inf', string.format('%.0f', now), 'LIMIT', 0, most)
local room = fill(late) == #late and #tasks < most
if room then
  local members = {}
  for n, id in ipairs(redis.call('LRANGE', active, 0, most - #tasks - 1)) do
    members[n] = '0:' .. id
  end
  local taken = fill(members)
  if taken > 0 then
    redis.call('LTRIM', active, taken, -1)
  end
  room = taken == #members and #tasks < most
end
if room then
  local members, ids = {}, {}
  local due = redis.call('ZRANGE', scheduled, 0, most - #tasks - 1, 'WITHSCORES')
  for n = 1, #due, 2 do
    ids[#ids + 1] = due[n]
    members[#members + 1] = string.format('%.0f', tonumber(due[n + 1])) .. ':' .. due[n]
  end
  local taken = fill(members)
  if taken > 0 then
    redis.call('ZREM', scheduled, unpack(ids, 1, taken))
  end
end

if #tasks == 0 then
  return {}
end
redis.call('ZADD', holding, unpack(lent))
local answer = {}
for n, member in ipairs(tasks) do
  local id = id_of(member)
  local attempts = redis.call('HGET', queue .. ':meta:' .. id, 'max_attempts')
  answer[n] = { member, redis.call('HGET', data, id), attempts and tonumber(attempts) or false }
end
return answer

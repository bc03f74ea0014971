-- Removes tasks of a queue of apalis-redis that became jobs, and parks those that cannot.
-- KEYS    the queue's name
-- ARGV    most parked tasks, number of tasks that became jobs, those; then per parked task: it, reason
-- RETURNS parked tasks that had to leave because there are too many
-- A task is written 'RUN_AT:ID'. Bounded by the caller: at most 500 tasks a call.
local queue = KEYS[1]
local data, holding = queue .. ':data', queue .. ':rouage:holding'
local parked, reasons = queue .. ':rouage:parked', queue .. ':rouage:reasons'
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function id_of(member)
  return string.sub(member, string.find(member, ':', 1, true) + 1)
end

local function remove(id)
  redis.call('HDEL', data, id)
  redis.call('DEL', queue .. ':meta:' .. id)
end

local jobs = tonumber(ARGV[2])
for n = 3, jobs + 2 do
  redis.call('ZREM', holding, ARGV[n])
  remove(id_of(ARGV[n]))
end
for n = jobs + 3, #ARGV, 2 do
  local id = id_of(ARGV[n])
  -- Whoever does not hold it any more was too late.
  if redis.call('ZREM', holding, ARGV[n]) == 1 then
    redis.call('ZADD', parked, now, id)
    redis.call('HSET', reasons, id, ARGV[n + 1])
  end
end

local surplus = math.min(redis.call('ZCARD', parked) - tonumber(ARGV[1]), 500)
if surplus <= 0 then
  return 0
end
for _, id in ipairs(redis.call('ZRANGE', parked, 0, surplus - 1)) do
  redis.call('ZREM', parked, id)
  redis.call('HDEL', reasons, id)
  remove(id)
end
return surplus

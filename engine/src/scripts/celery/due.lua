-- Takes the tasks at which somebody must look now; nobody else is given them for a while.
-- PARTS   tasks, due
-- ARGV    most tasks, ms until they are given to somebody else
-- RETURNS { now in ms, then per task: entry, record }
local now = now_us() / 1000
local entries = redis.call('ZRANGEBYSCORE', keys.due, '-inf', int(now), 'LIMIT', 0, ARGV[1])
local answer = { math.floor(now) }
for _, entry in ipairs(entries) do
  local record = redis.call('HGET', keys.tasks, entry)
  if record then
    redis.call('ZADD', keys.due, int(now + ARGV[2]), entry)
    answer[#answer + 1] = entry
    answer[#answer + 1] = record
  else
    redis.call('ZREM', keys.due, entry)
  end
end
return answer

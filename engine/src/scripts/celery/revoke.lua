-- Remembers that tasks are revoked.
-- PARTS   revoked, latest, tasks
-- ARGV    ms and number of the tasks to remember, then task ids
-- RETURNS per task: its entry and record, or '' and '' if it is not known
local now = now_us() / 1000
local answer = {}
for i = 3, #ARGV do
  redis.call('ZADD', keys.revoked, int(now), ARGV[i])
  local entry = redis.call('HGET', keys.latest, ARGV[i])
  local record = entry and redis.call('HGET', keys.tasks, entry)
  answer[#answer + 1] = record and entry or ''
  answer[#answer + 1] = record or ''
end
redis.call('ZREMRANGEBYSCORE', keys.revoked, '-inf', int(now - ARGV[1]))
redis.call('ZREMRANGEBYRANK', keys.revoked, 0, -1 - ARGV[2])
return answer

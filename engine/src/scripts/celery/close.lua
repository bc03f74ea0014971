-- Forgets a task that is over and whose end was told; for a while it is known that it was there.
-- PARTS   tasks, due, latest, done
-- ARGV    ms and number of the tasks to remember, then per task: entry, task id
local now = now_us() / 1000
for i = 3, #ARGV, 2 do
  local entry, task = ARGV[i], ARGV[i + 1]
  redis.call('HDEL', keys.tasks, entry)
  redis.call('ZREM', keys.due, entry)
  if redis.call('HGET', keys.latest, task) == entry then
    redis.call('HDEL', keys.latest, task)
  end
  redis.call('ZADD', keys.done, int(now), entry)
end
redis.call('ZREMRANGEBYSCORE', keys.done, '-inf', int(now - ARGV[1]))
redis.call('ZREMRANGEBYRANK', keys.done, 0, -1 - ARGV[2])
return 1

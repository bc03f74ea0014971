-- Writes anew what is known of tasks that are not over, and when to look at them.
-- PARTS   tasks, due
-- ARGV    per task: entry, record or '' for the same, ms until it is looked at
local now = now_us() / 1000
for i = 1, #ARGV, 3 do
  if redis.call('HEXISTS', keys.tasks, ARGV[i]) == 1 then
    if ARGV[i + 1] ~= '' then
      redis.call('HSET', keys.tasks, ARGV[i], ARGV[i + 1])
    end
    redis.call('ZADD', keys.due, int(now + ARGV[i + 2]), ARGV[i])
  end
end
return 1

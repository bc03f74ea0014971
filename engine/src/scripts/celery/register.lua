-- Notes tasks that are about to become jobs.
-- PARTS   tasks, latest, due, done, revoked, count
-- ARGV    per task: entry, task id, task name, record, ms until it is looked at
-- RETURNS per task 'new', 'open' (known and not over), 'done', or 'revoked'
-- Bounded by the caller.
local now = now_us() / 1000
local answers = {}
for i = 1, #ARGV, 5 do
  local entry, task = ARGV[i], ARGV[i + 1]
  local answer = 'open'
  if redis.call('ZSCORE', keys.done, entry) then
    answer = 'done'
  elseif redis.call('ZSCORE', keys.revoked, task) then
    answer = 'revoked'
  elseif redis.call('HSETNX', keys.tasks, entry, ARGV[i + 3]) == 1 then
    answer = 'new'
    redis.call('HSET', keys.latest, task, entry)
    redis.call('ZADD', keys.due, int(now + ARGV[i + 4]), entry)
    redis.call('HINCRBY', keys.count, 'taken:' .. ARGV[i + 2], 1)
  end
  answers[#answers + 1] = answer
end
return answers

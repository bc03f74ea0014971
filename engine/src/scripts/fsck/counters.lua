-- Counters that only add up over a whole queue: looked at, and with 'repair' written anew.
-- PARTS   lease, group_of, group_running, groups, asides, count, job
-- ARGV    'check' or 'repair'
-- RETURNS per flaw: what it is, name, 'found expected'
-- Bounded by the running jobs and by the groups that have any waiting.
local repair = ARGV[1] == 'repair'
local answer = {}

local function expect(what, name, found, expected)
  if found ~= expected then
    answer[#answer + 1] = what
    answer[#answer + 1] = name
    answer[#answer + 1] = int(found) .. ' ' .. int(expected)
  end
  return found ~= expected
end

-- Running jobs of each group.
local function check_running()
  local running, counted = {}, {}
  for _, member in ipairs(redis.call('ZRANGE', keys.lease, 0, -1)) do
    if string.find(member, ':', 1, true) then
      local _, id = split_lease(member)
      local of = redis.call('HGET', keys.group_of, id)
      local group = of and split_group(of)
      if group then
        running[group] = (running[group] or 0) + 1
      end
    end
  end
  local stored = redis.call('HGETALL', keys.group_running)
  for i = 1, #stored, 2 do
    counted[stored[i]] = tonumber(stored[i + 1])
  end
  for group in pairs(running) do
    counted[group] = counted[group] or 0
  end
  for group, found in pairs(counted) do
    local expected = running[group] or 0
    if expect('running', group, found, expected) and repair then
      if expected > 0 then
        redis.call('HSET', keys.group_running, group, expected)
      else
        redis.call('HDEL', keys.group_running, group)
      end
      offer(group)
    end
  end
end

-- Available jobs outside `ready`.
local function check_elsewhere()
  local expected = 0
  for _, index in ipairs({ 'groups', 'asides' }) do
    local scored = redis.call('ZRANGE', keys[index], 0, -1, 'WITHSCORES')
    for i = 2, #scored, 2 do
      expected = expected + tonumber(scored[i])
    end
  end
  local found = tonumber(redis.call('HGET', keys.count, 'elsewhere') or 0)
  if expect('elsewhere', '', found, expected) and repair then
    redis.call('HSET', keys.count, 'elsewhere', int(expected))
  end
end

-- Jobs ever stored: those that are here and those that were pruned.
local function check_enqueued()
  local pruned = tonumber(redis.call('HGET', keys.count, 'pruned') or 0)
  local found = tonumber(redis.call('HGET', keys.count, 'enqueued') or 0)
  local expected = redis.call('HLEN', keys.job) + pruned
  if expect('enqueued', '', found, expected) and repair then
    redis.call('HSET', keys.count, 'enqueued', int(expected))
  end
end

check_running()
check_elsewhere()
check_enqueued()
if repair and #answer > 0 then
  wake()
end
return answer

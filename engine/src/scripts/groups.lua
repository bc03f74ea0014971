-- Put behind the prelude where jobs line up, run or end: groups and asides.
-- An available job waits in `ready`; one of a group in its group's line; one whose kind is
-- paused aside. A group has one place in the line: its members take turns with everybody else.
--   line:GROUP     zset of the group's available jobs, by ready score
--   turns          zset of the groups that may start a job now, by when their turn came
--   groups         zset of groups, by how many of their jobs wait in their line
--   group_of       hash id -> 'limit:group', of live jobs; limit 0 for none
--   group_running, group_limit, group_override, group_served: hashes by group
--   aside:KIND     zset of available jobs of a paused kind, by ready score
--   asides         zset of kinds, by how many jobs are aside
-- count.elsewhere is the number of available jobs outside `ready`.

local function split_group(member)
  local at = string.find(member, ':', 1, true)
  return string.sub(member, at + 1), tonumber(string.sub(member, 1, at - 1))
end

local function elsewhere(index, name, n)
  redis.call('HINCRBY', keys.count, 'elsewhere', n)
  if tonumber(redis.call('ZINCRBY', index, n, name)) <= 0 then
    redis.call('ZREM', index, name)
  end
end

local function group_running(group)
  return tonumber(redis.call('HGET', keys.group_running, group) or 0)
end

-- How many more jobs of a group may start.
local function group_room(group)
  local limit = redis.call('HGET', keys.group_override, group) or redis.call('HGET', keys.group_limit, group)
  return limit and limit - group_running(group) or math.huge
end

-- Gives a group its place in the line, or takes it: behind what lined up before its head did,
-- and behind what lined up before its last turn.
local function offer(group)
  local head = lowest(keys['line:' .. group])
  if head and group_room(group) > 0 then
    local served = redis.call('HGET', keys.group_served, group)
    local since = head % PRIORITY_STEP
    if served and tonumber(served) > since then
      head = head - since + served
    end
    redis.call('ZADD', keys.turns, int(head), group)
    return
  end
  redis.call('ZREM', keys.turns, group)
  if not head and group_running(group) == 0 then
    redis.call('HDEL', keys.group_limit, group)
    redis.call('HDEL', keys.group_served, group)
  end
end

-- Puts one job into its group's line.
local function join_line(id, score, member)
  local group, limit = split_group(member)
  if redis.call('ZADD', keys['line:' .. group], score, id) == 1 then
    elsewhere(keys.groups, group, 1)
  end
  if limit > 0 then
    redis.call('HSET', keys.group_limit, group, limit)
  end
  offer(group)
end

-- Makes jobs available: pairs of score and id.
local function line_up(pairs)
  if #pairs == 0 then
    return
  end
  if not any(keys.group_of) then
    return write_pairs('ZADD', keys.ready, pairs)
  end
  local ids, alone = {}, {}
  for i = 2, #pairs, 2 do
    ids[#ids + 1] = pairs[i]
  end
  local members = redis.call('HMGET', keys.group_of, unpack(ids))
  for n, id in ipairs(ids) do
    if members[n] then
      join_line(id, pairs[2 * n - 1], members[n])
    else
      alone[#alone + 1] = pairs[2 * n - 1]
      alone[#alone + 1] = id
    end
  end
  write_pairs('ZADD', keys.ready, alone)
end

-- Whether nothing could be claimed: whoever adds the first job wakes the workers.
local function nothing_to_claim()
  return not any(keys.ready, keys.turns)
end

-- Whether an available job waits outside `ready`.
local function waits_elsewhere(id)
  local member = redis.call('HGET', keys.group_of, id)
  if member and redis.call('ZSCORE', keys['line:' .. split_group(member)], id) then
    return true
  end
  local kind = any(keys.asides) and kind_of(redis.call('HGET', keys.job, id))
  return kind and redis.call('ZSCORE', keys['aside:' .. kind], id) or false
end

-- Takes an available job out of wherever it waits; false if it is not available.
local function take_out(id)
  if redis.call('ZREM', keys.ready, id) == 1 then
    return true
  end
  local member = redis.call('HGET', keys.group_of, id)
  if member then
    local group = split_group(member)
    if redis.call('ZREM', keys['line:' .. group], id) == 1 then
      elsewhere(keys.groups, group, -1)
      offer(group)
      return true
    end
  end
  if any(keys.asides) then
    local kind = kind_of(redis.call('HGET', keys.job, id))
    if kind and redis.call('ZREM', keys['aside:' .. kind], id) == 1 then
      elsewhere(keys.asides, kind, -1)
      return true
    end
  end
  return false
end

-- Jobs run no more, whatever comes next: their groups may start others.
local function leave_group(ids)
  if #ids == 0 or not any(keys.group_running) then
    return
  end
  local members = redis.call('HMGET', keys.group_of, unpack(ids))
  local idle = nothing_to_claim()
  for n = 1, #ids do
    if members[n] then
      local group = split_group(members[n])
      if redis.call('HINCRBY', keys.group_running, group, -1) <= 0 then
        redis.call('HDEL', keys.group_running, group)
      end
      offer(group)
    end
  end
  if idle and any(keys.turns) then
    wake()
  end
end

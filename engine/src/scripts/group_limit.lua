-- Sets how many jobs of a group may run at once, whatever its jobs say, or lets them say it again.
-- PARTS   those of groups.lua
-- ARGV    group, limit or '', most groups with a limit set by hand
-- RETURNS 1, or 0 if too many groups have one
local group, limit, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
if limit == '' then
  redis.call('HDEL', keys.group_override, group)
elseif redis.call('HEXISTS', keys.group_override, group) == 0 and redis.call('HLEN', keys.group_override) >= most then
  return 0
else
  redis.call('HSET', keys.group_override, group, limit)
end
offer(group)
wake()
return 1

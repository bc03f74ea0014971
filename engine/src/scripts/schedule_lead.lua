-- Takes, keeps or gives back the lead among schedulers.
-- KEYS    the leader's hash: holder, fence, until
-- ARGV    'hold' or 'release', who, lease in ms
-- RETURNS the fence if it leads now, else 0; now in ms; how long the lease lasts in ms
-- A new holder has a higher fence than any before it, also where Redis has lost its data: a fence is
-- at least the time at which it was given out.
local key, wish, who, lease = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function int(n)
  return string.format('%.0f', n)
end

local known = redis.call('HMGET', key, 'holder', 'fence', 'until')
local holder, fence, ends = known[1], tonumber(known[2] or 0), tonumber(known[3] or 0)
local held = ends > now

if wish == 'release' then
  if holder == who and held then
    redis.call('HSET', key, 'until', '0')
  end
  return { 0, now, 0 }
end
if held and holder ~= who then
  return { 0, now, ends - now }
end
if not held or holder ~= who then
  fence = math.max(fence + 1, now)
end
redis.call('HSET', key, 'holder', who, 'fence', int(fence), 'until', int(now + lease))
return { fence, now, lease }

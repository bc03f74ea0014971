-- Lets an operator's rate win over the declared one, or the declared one stand again.
-- KEYS    the limit; beside it `:declared`, what the code says, and `:set`, what an operator said
-- ARGV    the new rate as 'permits microseconds burst', or '' for the declared one; how long it
--         outlives the last worker that declares the limit, in ms
-- RETURNS 1 if that changed something
local declared, set = keys.declared, keys.set
local function interval(rate)
  local permits, per = string.match(rate, '^(%d+) (%d+) ')
  return math.max(math.floor(per / permits), 1)
end

local before = redis.call('GET', set) or redis.call('GET', declared)
if ARGV[1] == '' then
  if redis.call('DEL', set) == 0 then
    return 0
  end
else
  redis.call('SET', set, ARGV[1], 'PX', ARGV[2])
end
local after = redis.call('GET', set) or redis.call('GET', declared)

-- What was used of the bucket stays used, in permits: a raised rate counts at once, and none of
-- the old burst is given a second time.
local now = now_us()
local due = tonumber(redis.call('GET', KEYS[1]) or 0)
if due > now and before and after then
  due = now + (due - now) * interval(after) / interval(before)
  redis.call('SET', KEYS[1], int(due), 'PX', int(math.ceil((due - now) / 1000) + 1000))
end
return before ~= after and 1 or 0

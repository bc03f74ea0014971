-- The entries of an index behind a place. Jobs that come and go meanwhile move no place, and the
-- cost does not depend on how many entries share a score.
-- KEYS    the index
-- ARGV    'up' or 'down', most entries, score and member of the place
-- RETURNS entries, each followed by its score
local index, down, most = KEYS[1], ARGV[1] == 'down', tonumber(ARGV[2])
local score, member = ARGV[3], ARGV[4]

-- Whether a comes behind b in an index, which compares bytes; Lua's own < asks the locale.
local function behind(a, b)
  for n = 1, math.min(#a, #b) do
    local x, y = string.byte(a, n), string.byte(b, n)
    if x ~= y then
      return x > y
    end
  end
  return #a > #b
end

-- How many entries are before the place, and going up how many are at it too.
local before = redis.call('ZCOUNT', index, '-inf', '(' .. score)
local high = redis.call('ZCOUNT', index, '-inf', score)
while before < high do
  local middle = math.floor((before + high) / 2)
  local entry = redis.call('ZRANGE', index, middle, middle)[1]
  if behind(entry, member) or (down and entry == member) then
    high = middle
  else
    before = middle + 1
  end
end

if not down then
  return redis.call('ZRANGE', index, before, before + most - 1, 'WITHSCORES')
end
if before == 0 then
  return {}
end
local last = redis.call('ZCARD', index) - before
return redis.call('ZREVRANGE', index, last, last + most - 1, 'WITHSCORES')

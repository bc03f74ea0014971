-- Moves messages from lists of Celery into our own hash on the same broker.
-- KEYS    the hash of held messages; its index is that name and ':index'
-- ARGV    per message: list, tag, what is written before it, the message, or '' and its print
-- RETURNS per message 1 moved, 0 it is not in its list any more
-- Bounded by the caller. A message that was not sent here because of its size is found by its print
-- among the last 1,000; only its last bytes are kept.
local held, index = KEYS[1], KEYS[1] .. ':index'
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function print_of(message)
  local ends = string.sub(message, 1, 2048) .. string.sub(message, -2048)
  return #message .. ':' .. redis.sha1hex(ends)
end

local function find(list, print)
  local length = tonumber(string.match(print, '^%d+'))
  for skip = 0, 999 do
    local message = redis.call('LINDEX', list, -skip - 1)
    if not message then
      return nil
    end
    if #message == length and print_of(message) == print then
      return message
    end
  end
end

local moved = {}
for i = 1, #ARGV, 5 do
  local list, tag, before, message, print = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local kept = message
  if print ~= '' then
    message = find(list, print)
    kept = message and string.sub(message, -16384)
  end
  local done = message and redis.call('LREM', list, -1, message) or 0
  if done == 1 then
    redis.call('HSET', held, tag, before .. kept)
    redis.call('ZADD', index, now, tag)
  end
  moved[#moved + 1] = done
end
return moved

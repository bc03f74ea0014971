-- Looks at lists of Celery messages and takes nothing. Runs on the broker, which is one server.
-- KEYS    the first list; all lists are named in ARGV
-- ARGV    most messages of a list, most bytes of a list, largest message, then per list: its key, a
--         marker or '', how many messages at the tail to pass over
-- RETURNS { now in ms, then per list { length, print of the newest or '', how, then per message, oldest
--         first: print, message, 0 } }
--         how: 0 looked from the tail, 1 these are newer than the marker, 2 the marker was not found,
--         3 the key is no list. Of a message that is too large only the last bytes come, with its size
-- Bounded by the first two arguments; each list may go over by one message.
local window, bytes, largest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local STEP = 8

local function print_of(message)
  local ends = string.sub(message, 1, 2048) .. string.sub(message, -2048)
  return #message .. ':' .. redis.sha1hex(ends)
end

local function show(found, message)
  local large = #message > largest
  found[#found + 1] = print_of(message)
  found[#found + 1] = large and string.sub(message, -16384) or message
  found[#found + 1] = large and #message or 0
end

-- Newest first, until the marker; nil if it is not there.
local function newer_than(list, marker)
  local newer, size = {}, 0
  for at = 0, window - 1, STEP do
    for _, message in ipairs(redis.call('LRANGE', list, at, at + STEP - 1)) do
      if print_of(message) == marker then
        return newer
      end
      newer[#newer + 1] = message
      size = size + #message
    end
    if size > bytes then
      return nil
    end
  end
  return nil
end

local function from_tail(list, found, skip, length)
  local size = 0
  while #found < 3 * window + 3 and skip < length do
    local chunk = redis.call('LRANGE', list, -skip - STEP, -skip - 1)
    for n = #chunk, 1, -1 do
      size = size + math.min(#chunk[n], largest)
      if size > bytes and #found > 3 then
        return
      end
      show(found, chunk[n])
      if #found >= 3 * window + 3 then
        return
      end
    end
    skip = skip + STEP
  end
end

local time = redis.call('TIME')
local answer = { time[1] * 1000 + math.floor(time[2] / 1000) }
for i = 4, #ARGV, 3 do
  local list, marker, skip = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local length = redis.pcall('LLEN', list)
  local found = { length, '', 0 }
  if type(length) == 'table' then
    found = { 0, '', 3 }
  elseif length > 0 then
    found[2] = print_of(redis.call('LINDEX', list, 0))
    local newer = marker ~= '' and newer_than(list, marker)
    if newer then
      found[3] = 1
      for n = #newer, 1, -1 do
        show(found, newer[n])
      end
    elseif marker ~= '' then
      found[3] = 2
    else
      from_tail(list, found, skip, length)
    end
  end
  answer[#answer + 1] = found
end
return answer

-- Put behind the prelude where what running jobs report is stored.
local MAX_LOG_BYTES, MAX_LOG_LINES = 16384, 200

-- Two logs of a job as one: 'dropped\nline\nline', the newest lines of both. See inspect/logs.rs.
local function join_logs(before, after)
  local dropped, lines = string.match(before, '^(%d+)\n(.*)$')
  local more, fresh = string.match(after, '^(%d+)\n(.*)$')
  if not dropped or not more then
    return after
  end
  dropped = dropped + more
  lines = lines .. '\n' .. fresh
  local _, breaks = string.gsub(lines, '\n', '\n')
  local from, left = 1, breaks + 1
  while left > MAX_LOG_LINES or #lines - from + 1 > MAX_LOG_BYTES do
    from = string.find(lines, '\n', from, true) + 1
    left, dropped = left - 1, dropped + 1
  end
  return int(dropped) .. '\n' .. string.sub(lines, from)
end

-- Stores a report in its table; the newest counts, but of a log it is the newest lines.
local function store_report(part, id, text)
  if part == 'log' then
    local before = redis.call('HGET', keys.log, id)
    text = before and join_logs(before, text) or text
  end
  redis.call('HSET', keys[part], id, text)
end

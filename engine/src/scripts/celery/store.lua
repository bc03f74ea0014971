-- Writes the state of a Celery task and tells who waits for it, as Celery does.
-- KEYS    the result's key, which is also the name of the channel
-- ARGV    life in seconds or 0 for ever, the result, 'end', 'way' for a state on the way, or 'revoked' for
--         the end of a task that nobody here knows
-- RETURNS 1 written, 0 left: a success is never overwritten, no end by a state on the way, and nothing
--         that has started or is over by 'revoked'
local now = redis.call('GET', KEYS[1])
if now then
  local state = string.match(now, '^{%s*"status":%s*"(%u+)"')
  local over = state == 'FAILURE' or state == 'REVOKED'
  if state == 'SUCCESS' or (over and ARGV[3] ~= 'end') then
    return 0
  end
  local open = state == 'PENDING' or state == 'RECEIVED' or state == 'RETRY' or state == 'REJECTED'
  if ARGV[3] == 'revoked' and not open then
    return 0
  end
end
if tonumber(ARGV[1]) > 0 then
  redis.call('SETEX', KEYS[1], ARGV[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
redis.call('PUBLISH', KEYS[1], ARGV[2])
return 1

-- What a list shows of jobs. Payloads stay where they are: they come last in an envelope and may
-- be large.
-- PARTS   job, run, error, progress
-- ARGV    most bytes to read, ids
-- RETURNS per job, for as many as the bytes allow but at least one:
--         { envelope up to its payload or false, bytes of the envelope, run record or false,
--           progress or false, last error line or false }
-- Bounded by the caller: at most 500 ids a call.
local left = tonumber(ARGV[1])
-- An envelope of another shape is answered whole up to this size, and as nothing beyond it.
local MAX_ODD_BYTES = 65536

local answer = {}
for n = 2, #ARGV do
  local id = ARGV[n]
  local envelope = redis.call('HGET', keys.job, id)
  local errors = redis.call('HGET', keys.error, id)
  local size = envelope and #envelope or 0
  local head = envelope
  if envelope then
    -- Inside a JSON text the quotes would have backslashes, so this is no part of a tag.
    local at = string.find(envelope, ',"payload":', 1, true)
    if at then
      head = string.sub(envelope, 1, at - 1)
    elseif size > MAX_ODD_BYTES then
      head = ''
    end
  end
  answer[#answer + 1] = {
    head,
    size,
    redis.call('HGET', keys.run, id),
    redis.call('HGET', keys.progress, id),
    errors and string.match(errors, '[^\n]*$'),
  }
  left = left - size - (errors and #errors or 0)
  if left <= 0 then
    break
  end
end
return answer

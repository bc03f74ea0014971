-- Looks at a breaker and at those of its keys that had failures lately.
-- PARTS   state, probes, troubled
-- ARGV    most keys
-- RETURNS { now in ms, per breaker { key or '', attempts, failures, until or 0, openings, passed,
--         probes } }
local rows = {}
local troubled = redis.call('ZREVRANGE', keys.troubled, 0, ARGV[1] - 1)
table.insert(troubled, 1, '')
for _, key in ipairs(troubled) do
  local state, probes = part('state', key), part('probes', key)
  local window, until_ms, openings, passed =
    unpack(redis.call('HMGET', state, 'window', 'until', 'openings', 'passed'))
  -- A key whose breaker is forgotten is healthy.
  if key == '' or window or until_ms then
    local attempts, failures = counted(state, bucket_of(window or 1))
    rows[#rows + 1] = {
      key, attempts, failures, tonumber(until_ms or 0), tonumber(openings or 0),
      tonumber(passed or 0), redis.call('ZCOUNT', probes, int(now + 1), '+inf'),
    }
  end
end
return { now, rows }

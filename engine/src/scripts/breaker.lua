-- What the scripts of circuit breakers share. KEYS[1] is a breaker's base, 'prefix:breaker:{name}';
-- beside it, each followed by '/KEY' for a breaker with a key:
--   state   HASH until (ms since 1970, there unless it is closed), openings, passed (probes that
--           succeeded), window (ms), b0 to b4 (buckets, 'number attempts failures')
--   probes  ZSET token -> end of its lease in ms
-- and once troubled, ZSET key -> ms of its latest failure.
-- Closed, a breaker only counts. It opens when too many attempts of the window failed. When its
-- time is over it is half-open: it lends a bounded number of probes; as many successes close it,
-- one failure opens it again, for longer.
local BUCKETS, HOUR = 5, 3600000
local now = math.floor(now_us() / 1000)

local function part(name, key)
  return keys[key == '' and name or name .. '/' .. key]
end

-- Which bucket of a window is filled now.
local function bucket_of(window)
  return math.floor(now / math.max(math.floor(window / BUCKETS), 1))
end

-- Attempts and failures in the buckets that are inside the window.
local function counted(state, bucket)
  local attempts, failures = 0, 0
  for _, text in ipairs(redis.call('HMGET', state, 'b0', 'b1', 'b2', 'b3', 'b4')) do
    local at, all, failed = string.match(text or '', '^(%d+) (%d+) (%d+)$')
    if at and tonumber(at) > bucket - BUCKETS then
      attempts, failures = attempts + all, failures + failed
    end
  end
  return attempts, failures
end

-- Reserves permits of a rate limit, in the order of asking (the generic cell rate algorithm:
-- ITU-T I.371, the token bucket without a token counter).
-- KEYS    the limit: when the last reserved permit is due, in microseconds since 1970;
--         beside it `:set`, the rate an operator chose, which wins over the caller's
-- ARGV    the declared rate as 'permits microseconds burst', permits wanted, longest wait in microseconds
-- RETURNS { 1, microseconds to wait until they may be used } if they are reserved, else
--         { 0, microseconds after which asking again makes sense }
local rate = redis.call('GET', keys.set) or ARGV[1]
local wanted, longest = tonumber(ARGV[2]), tonumber(ARGV[3])
local permits, per, burst = string.match(rate, '^(%d+) (%d+) (%d+)$')
local interval = math.max(math.floor(per / permits), 1)
-- An operator's smaller burst slows heavy jobs down; it must not keep them from ever starting.
burst = math.max(tonumber(burst), wanted)
local now = now_us()
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + wanted * interval
local wait = math.max(due - burst * interval - now, 0)
if wait > longest then
  return { 0, wait - longest }
end
-- The key is of no use once the bucket is full again.
redis.call('SET', KEYS[1], int(due), 'PX', int(math.ceil((due - now) / 1000) + 1000))
return { 1, wait }

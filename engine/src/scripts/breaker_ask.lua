-- Asks a breaker whether an attempt may start.
-- PARTS   state, probes
-- ARGV    key or '', probes it lends, lease of a probe in ms, token of the probe
-- RETURNS { 'closed', 'probe' or 'wait', ms to wait, 0 while all probes are lent }
local key, most, lease, token = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local state, probes = part('state', key), part('probes', key)
local until_ms, passed = unpack(redis.call('HMGET', state, 'until', 'passed'))
if not until_ms then
  return { 'closed', 0 }
end
if now < tonumber(until_ms) then
  return { 'wait', until_ms - now }
end
-- The lease of a probe whose worker died runs out; its place is free then.
redis.call('ZREMRANGEBYSCORE', probes, '-inf', int(now))
if redis.call('ZCARD', probes) + (passed or 0) >= most then
  return { 'wait', 0 }
end
redis.call('ZADD', probes, int(now + lease), token)
redis.call('PEXPIRE', probes, lease)
redis.call('PEXPIRE', state, HOUR)
return { 'probe', 0 }

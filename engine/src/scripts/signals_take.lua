-- Some of the signals, for one courier at a time.
-- PARTS   signals, courier
-- ARGV    the courier, ms for which nobody else takes any, most signals
-- RETURNS 'busy' if another courier is at it, else pairs of id and signal
if not any(keys.signals) then
  return {}
end
local owner = redis.call('GET', keys.courier)
if owner and owner ~= ARGV[1] then
  return 'busy'
end
redis.call('SET', keys.courier, ARGV[1], 'PX', ARGV[2])
return redis.call('HRANDFIELD', keys.signals, ARGV[3], 'WITHVALUES')

-- Puts messages into lists of Celery, once for each marker.
-- KEYS    the marker
-- ARGV    life of the marker in seconds, then per message: list, message
-- RETURNS 1 published, 0 they were published before
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  return 0
end
for i = 2, #ARGV, 2 do
  redis.call('LPUSH', ARGV[i], ARGV[i + 1])
end
return 1

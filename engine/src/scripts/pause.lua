-- Pauses a queue, or lets it go on and wakes its workers.
-- KEYS    paused
-- ARGV    'pause' or 'resume', wake channel, a note for people (JSON)
-- RETURNS 1 if that changed something
if ARGV[1] == 'pause' then
  return redis.call('SET', KEYS[1], ARGV[3], 'NX') and 1 or 0
end
local changed = redis.call('DEL', KEYS[1])
if changed == 1 then
  redis.call('PUBLISH', ARGV[2], 'go')
end
return changed

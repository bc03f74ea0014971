-- Pauses a queue or a kind of it, or lets it go on and wakes its workers.
-- PARTS   paused, paused_kinds
-- ARGV    'pause' or 'resume', a kind or '' for the whole queue, a note for people (JSON)
-- RETURNS 1 if that changed something
local what, kind, note = ARGV[1], ARGV[2], ARGV[3]
if what == 'pause' then
  if kind ~= '' then
    return redis.call('HSETNX', keys.paused_kinds, kind, note)
  end
  return redis.call('SET', keys.paused, note, 'NX') and 1 or 0
end
local changed
if kind ~= '' then
  changed = redis.call('HDEL', keys.paused_kinds, kind)
else
  changed = redis.call('DEL', keys.paused)
end
if changed == 1 then
  wake()
end
return changed

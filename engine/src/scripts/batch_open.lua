-- Opens a batch, or adds facts to one that is not sealed.
-- PARTS   those of batch.lua
-- ARGV    pairs of fact and value: tags, on_success, on_complete
-- RETURNS 1 created, 0 it was there
local created = redis.call('HSETNX', keys.facts, 'created', int(now_ms()))
if created == 1 or not fact('sealed') then
  note_facts(1, #ARGV)
end
keep()
return created

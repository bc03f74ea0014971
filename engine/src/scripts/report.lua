-- Stores what running jobs report, if their fences hold.
-- PARTS   lease, progress, checkpoint
-- ARGV    per report: 'fence:id', 'progress' or 'checkpoint', JSON
-- RETURNS the number of reports that were stored
-- Bounded by the caller: at most 500 reports a call.
local members = {}
for i = 1, #ARGV, 3 do
  members[#members + 1] = ARGV[i]
end
local deadlines = redis.call('ZMSCORE', keys.lease, unpack(members))
local stored = 0
for n, member in ipairs(members) do
  if deadlines[n] then
    local _, id = split_lease(member)
    redis.call('HSET', keys[ARGV[n * 3 - 1]], id, ARGV[n * 3])
    stored = stored + 1
  end
end
return stored

-- Stores what running jobs report, if their fences hold.
-- PARTS   lease, progress, checkpoint, log
-- ARGV    per report: 'fence:id', 'progress', 'checkpoint' or 'log', text
-- RETURNS the number of reports that were stored
-- Bounded by the caller: at most 500 reports a call, at most 256 KB unless one is larger.
local members = {}
for i = 1, #ARGV, 3 do
  members[#members + 1] = ARGV[i]
end
local deadlines = redis.call('ZMSCORE', keys.lease, unpack(members))
local stored = 0
for n, member in ipairs(members) do
  if deadlines[n] then
    local _, id = split_lease(member)
    store_report(ARGV[n * 3 - 1], id, ARGV[n * 3])
    stored = stored + 1
  end
end
return stored

-- Stores how far running jobs are, if their fences hold.
-- KEYS    lease, progress
-- ARGV    per job: 'fence:id', progress JSON
-- RETURNS nothing of use
-- Bounded by the caller: at most 500 jobs a call.
local members = {}
for i = 1, #ARGV, 2 do
  members[#members + 1] = ARGV[i]
end
local deadlines = redis.call('ZMSCORE', KEYS[1], unpack(members))
local written = {}
for n, member in ipairs(members) do
  if deadlines[n] then
    local _, id = split_lease(member)
    written[#written + 1] = id
    written[#written + 1] = ARGV[n * 2]
  end
end
if #written > 0 then
  write_pairs('HSET', KEYS[2], written)
end
return #written / 2

-- Extends the leases that are still ours.
-- KEYS    lease, cancelling
-- ARGV    lease in ms, then 'fence:id' of what runs here
-- RETURNS { per job: 1 extended, 0 lost, 2 extended and its cancellation is asked for }
-- Bounded by the caller: at most 500 jobs a call.
local lease, cancelling = KEYS[1], KEYS[2]
local deadline = int(math.floor(now_us() / 1000) + ARGV[1])

local members = {}
for i = 2, #ARGV do
  members[i - 1] = ARGV[i]
end
local deadlines = redis.call('ZMSCORE', lease, unpack(members))
local asked = redis.call('EXISTS', cancelling) == 1
local answers, extended = {}, {}
for n, member in ipairs(members) do
  if deadlines[n] then
    answers[n] = 1
    extended[#extended + 1] = deadline
    extended[#extended + 1] = member
    if asked then
      local _, id = split_lease(member)
      if redis.call('SISMEMBER', cancelling, id) == 1 then
        answers[n] = 2
      end
    end
  else
    answers[n] = 0
  end
end
if #extended > 0 then
  even_if_full(lease)
  write_pairs('ZADD', lease, extended)
end
return answers

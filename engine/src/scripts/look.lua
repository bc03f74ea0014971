-- Everything about one job at one moment. A transaction would do, but a full Redis refuses those.
-- KEYS    job, run, progress, result, error, checkpoint, then the indexes of the eight states, lease third
-- ARGV    id
-- RETURNS { six fields, eight scores }, each false where there is none
local id = ARGV[1]
local answer = {}
for n = 1, 6 do
  answer[n] = redis.call('HGET', KEYS[n], id)
end
local fence = answer[2] and string.match(answer[2], '^%d+ %d+ (%d+) ') or '0'
for n = 7, 14 do
  answer[n] = redis.call('ZSCORE', KEYS[n], n == 9 and (fence .. ':' .. id) or id)
end
return answer

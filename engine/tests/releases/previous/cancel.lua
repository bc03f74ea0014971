-- Cancels a job: at once if it waits, by its worker if it runs.
-- KEYS    job, run, ready, scheduled, retrying, held, lease, cancelled, cancelling, count, waiting,
--         unique, unique_key, unique_until
-- ARGV    id, wake channel, ended channel
-- RETURNS 'cancelled', 'cancelling', 'final' or 'unknown'
local job, run, lease, cancelled, cancelling = KEYS[1], KEYS[2], KEYS[7], KEYS[8], KEYS[9]
local id = ARGV[1]
if redis.call('HEXISTS', job, id) == 0 then
  return 'unknown'
end
local now = int(math.floor(now_us() / 1000))
local record = redis.call('HGET', run, id) or '0 0 0 0 0 0 - -'
for n = 3, 6 do
  if redis.call('ZREM', KEYS[n], id) == 1 then
    local facts, worker = string.match(record, '^(%d+ %d+ %d+ %d+ %d+) %d+ (%S+)')
    redis.call('HSET', run, id, facts .. ' ' .. now .. ' ' .. worker .. ' requested')
    redis.call('ZADD', cancelled, now, id)
    -- An older mark, left by an attempt that ended first, must not outlive this.
    redis.call('SREM', cancelling, id)
    redis.call('HINCRBY', KEYS[10], 'cancelled', 1)
    free_unique(KEYS[12], KEYS[13], KEYS[14], { id }, tonumber(now))
    if redis.call('ZREM', KEYS[11], id) == 1 then
      redis.call('PUBLISH', ARGV[3], id)
    end
    return 'cancelled'
  end
end
local fence = string.match(record, '^%d+ %d+ (%d+)')
if redis.call('ZSCORE', lease, fence .. ':' .. id) then
  redis.call('SADD', cancelling, id)
  redis.call('PUBLISH', ARGV[2], 'cancel ' .. id)
  return 'cancelling'
end
return 'final'

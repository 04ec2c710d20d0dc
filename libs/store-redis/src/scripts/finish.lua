--[[
Finishes batch n of a shard, only if it is the open one: a worker that wakes up late finds its finish refused.

KEYS  1 meta:{tS}  2 batch:{tS}:<n>
ARGV  1 n
Returns 1 when it finished the batch, 0 when n is not open.
]]
if redis.call('HGET', KEYS[1], 'open') ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[2])
redis.call('HDEL', KEYS[1], 'open', 'frozen_at')
redis.call('HSET', KEYS[1], 'done', ARGV[1])
return 1

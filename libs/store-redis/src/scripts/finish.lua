--[[
Finishes a batch of a shard, only if it is the open one: a worker that wakes up late finds its finish refused, also
when a restored or emptied Redis has given the same number to another batch.

KEYS  1 meta:{tS}  2 batch:{tS}:<n>
ARGV  1 n; 2 the batch's name
Returns 1 when it finished the batch, 0 when it is not open.
]]
local open = redis.call('HMGET', KEYS[1], 'open', 'name')
if open[1] ~= ARGV[1] or open[2] ~= ARGV[2] then return 0 end
redis.call('UNLINK', KEYS[2])
redis.call('HDEL', KEYS[1], 'open', 'name', 'frozen_at', 'kind', 'frozen_log')
redis.call('HSET', KEYS[1], 'done', ARGV[1])
return 1

--[[
The content of a batch, if it is the open one.

KEYS  1 meta:{tS}  2 batch:{tS}:<n>
ARGV  1 n; 2 the batch's name
Returns the pairs field, sum; nil when the batch is not open.
]]
local open = redis.call('HMGET', KEYS[1], 'open', 'name')
if open[1] ~= ARGV[1] or open[2] ~= ARGV[2] then return nil end
return redis.call('HGETALL', KEYS[2])

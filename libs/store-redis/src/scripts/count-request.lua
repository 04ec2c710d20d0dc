--[[
Adds to the count of a key in its window, which the first addition starts. Nothing is taken from a count that is not there.

KEYS  1 requests:{<key>}
ARGV  1 what to add, below 0: to take  2 ms that the window lasts
Returns {count, ms until the window ends}.
]]
local by = tonumber(ARGV[1])
local rest = redis.call('PTTL', KEYS[1])
if rest < 0 then
  if by < 0 then return { 0, tonumber(ARGV[2]) } end
  redis.call('SET', KEYS[1], by, 'PX', ARGV[2])
  return { by, tonumber(ARGV[2]) }
end
return { redis.call('INCRBY', KEYS[1], by), rest }

--[[
Adds events to the minute of a key.

KEYS  1 limit:{k<key id>}, the name's start
ARGV  1 events
Returns {events of this minute with these, ms until the next minute}.
]]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local name = KEYS[1] .. ':' .. math.floor(seconds / 60)
local events = redis.call('INCRBY', name, ARGV[1])
redis.call('EXPIRE', name, 120)
return { events, (60 - seconds % 60) * 1000 - math.floor(tonumber(time[2]) / 1000) }

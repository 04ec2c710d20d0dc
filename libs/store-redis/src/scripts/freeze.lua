--[[
Freezes the hot counter of a shard into its next numbered batch, or answers the batch that is open.

KEYS  1 hot:{tS}  2 meta:{tS}
ARGV  1 tag {tS}; 2 now in ms; 3 floor: the number to go on from where Redis has none;
      then pairs tenant, events: what was flushed up to the floor
Returns {n, frozen at in ms}; nil when the shard stopped, or nothing is hot and nothing open.
]]
local meta = redis.call('HMGET', KEYS[2], 'stopped', 'open', 'frozen_at', 'done')
if meta[1] then return nil end
if meta[2] then return { tonumber(meta[2]), tonumber(meta[3]) } end
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
local done = tonumber(meta[4])
if not done then
  done = tonumber(ARGV[3])
  for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], 'counted:' .. ARGV[i], ARGV[i + 1]) end
end
local n = done + 1
redis.call('RENAME', KEYS[1], 'batch:' .. ARGV[1] .. ':' .. n)
redis.call('HSET', KEYS[2], 'open', n, 'frozen_at', ARGV[2], 'done', done)
return { n, tonumber(ARGV[2]) }

--[[
Opens the next number of a shard for a repair, or answers the repair that is open. The hot counter stays as it is: a
flush and a repair never share a number.

KEYS  1 meta:{tS}
ARGV  1 now in ms; 2 a fresh name; 3 the epoch that was checked
Returns {n, name, opened at in ms}; nil when a flush is open, or the shard stopped, lives another life or has no number.
]]
local meta = redis.call('HMGET', KEYS[1], 'stopped', 'epoch', 'open', 'name', 'frozen_at', 'done', 'kind')
if meta[1] or meta[2] ~= ARGV[3] then return nil end
if meta[3] then
  if meta[7] ~= 'repair' then return nil end
  -- Written again, so that waiting for this connection's writes waits for the opening, whoever made it.
  redis.call('HSET', KEYS[1], 'open', meta[3])
  return { tonumber(meta[3]), meta[4], tonumber(meta[5]) }
end
if not meta[6] then return nil end
local n = tonumber(meta[6]) + 1
redis.call('HSET', KEYS[1], 'open', n, 'name', ARGV[2], 'frozen_at', ARGV[1], 'kind', 'repair')
return { n, ARGV[2], tonumber(ARGV[1]) }

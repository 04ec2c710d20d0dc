--[[
Freezes the hot counter of a shard into its next numbered batch, or answers the batch that is open.

KEYS  1 hot:{tS}  2 meta:{tS}
ARGV  1 tag {tS}; 2 now in ms; 3 a fresh name; 4 the epoch that was checked; 5 floor: the number to go on from where
      Redis has none; then pairs tenant, events: what was flushed up to the floor
Returns {n, name, frozen at in ms, kind, positions of ingest logs as id:seq,id:seq}; nil when the shard stopped, lives another life, or nothing is hot and nothing open.
]]
local meta = redis.call('HMGET', KEYS[2], 'stopped', 'epoch', 'open', 'name', 'frozen_at', 'done', 'kind', 'frozen_log', 'logs')
if meta[1] or meta[2] ~= ARGV[4] then return nil end
if meta[3] then
  -- Written again, so that waiting for this connection's writes waits for the freeze, whoever made it.
  redis.call('HSET', KEYS[2], 'open', meta[3])
  return { tonumber(meta[3]), meta[4], tonumber(meta[5]), meta[7] or 'flush', meta[8] or '' }
end
if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
local done = tonumber(meta[6])
if not done then
  done = tonumber(ARGV[5])
  for i = 6, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], 'counted:' .. ARGV[i], ARGV[i + 1]) end
end
local n = done + 1
local positions = {}
if meta[9] then
  local fields = redis.call('HGETALL', KEYS[2])
  for i = 1, #fields, 2 do
    local id = string.match(fields[i], '^log:(.*)$')
    if id then positions[#positions + 1] = id .. ':' .. fields[i + 1] end
  end
end
local log = table.concat(positions, ',')
redis.call('RENAME', KEYS[1], 'batch:' .. ARGV[1] .. ':' .. n)
redis.call('HSET', KEYS[2], 'open', n, 'name', ARGV[3], 'frozen_at', ARGV[2], 'done', done, 'kind', 'flush', 'frozen_log', log)
return { n, ARGV[3], tonumber(ARGV[2]), 'flush', log }

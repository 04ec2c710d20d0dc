--[[
The closed minutes of a shard. Moves the shard's clock, so that no event can fall into them any more.

KEYS  1 minutes:{tS}  2 meta:{tS}
ARGV  1 before: whole minutes since 1970; 2 'list' or 'delete'
Returns nil while the shard's clock has not reached `before`; else the pairs field, events of earlier minutes.
]]
local before = tonumber(ARGV[1])
local now = tonumber(redis.call('TIME')[1])
local clock = tonumber(redis.call('HGET', KEYS[2], 'clock') or '0')
if now < clock then now = clock end
if math.floor(now / 60) < before then return nil end
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
redis.call('HSET', KEYS[2], 'clock', now)
local fields, past = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #fields, 2 do
  if tonumber(string.match(fields[i], '^%d+')) < before then
    if ARGV[2] == 'delete' then redis.call('HDEL', KEYS[1], fields[i]) end
    past[#past + 1] = fields[i]
    past[#past + 1] = fields[i + 1]
  end
end
return past

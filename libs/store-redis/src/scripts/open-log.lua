--[[
Makes a shard ready for ingest logs, after its memory of ids was rebuilt.

KEYS  1 meta:{tS}
ARGV  1 the name of the life that begins here, should none have; '' = the next write names it; then pairs log, position
Returns 1; 0 when it was ready before, and nothing changed.
]]
if redis.call('HEXISTS', KEYS[1], 'logs') == 1 then return 0 end
if ARGV[1] ~= '' then redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1]) end
for i = 2, #ARGV, 2 do
  local field = 'log:' .. ARGV[i]
  if tonumber(redis.call('HGET', KEYS[1], field) or '0') < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], field, ARGV[i + 1])
  end
end
redis.call('HSET', KEYS[1], 'logs', 1)
return 1

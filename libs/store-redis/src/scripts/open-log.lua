--[[
Makes a shard ready for ingest logs, after its memory of ids was rebuilt. A shard that lost data since the rebuild began
lacks its mark, or part of what was remembered, and is refused.

KEYS  1 meta:{tS}
ARGV  1 the rebuild; 2 how many events it had remembered here; 3 the name of the life that begins here, should none
      have; '' = the next write names it; then pairs log, position
Returns 1; 0 when it was ready before, or is refused, and nothing changed.
]]
if redis.call('HEXISTS', KEYS[1], 'logs') == 1 then return 0 end
if redis.call('HGET', KEYS[1], 'remembered:' .. ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' then redis.call('HSETNX', KEYS[1], 'epoch', ARGV[3]) end
for i = 4, #ARGV, 2 do
  local field = 'log:' .. ARGV[i]
  if tonumber(redis.call('HGET', KEYS[1], field) or '0') < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], field, ARGV[i + 1])
  end
end
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.find(field, '^remembered:') then redis.call('HDEL', KEYS[1], field) end
end
redis.call('HSET', KEYS[1], 'logs', 1)
return 1

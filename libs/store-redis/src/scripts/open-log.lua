--[[
Makes a shard ready for ingest logs, once its memory of ids was rebuilt from all of them: each host tells of the logs
that it can read. A shard that lost data since the rebuild began lacks its mark, or part of what was remembered, and is
refused.

KEYS  1 meta:{tS}
ARGV  1 the rebuild; 2 how many events it had remembered here; 3 the name of the life that begins here, should none
      have; '' = the next write names it; 4 the highest manifest that was read; 5 number of logs that were told, then
      they; number of logs that are needed, then they; then pairs log, position
Returns 1 ready; 2 waits for a log that is needed and not told; 0 when it was ready before, or is refused, and nothing
changed.
]]
local meta, mark, n = KEYS[1], 'remembered:' .. ARGV[1], ARGV[4]
if redis.call('HEXISTS', meta, 'logs') == 1 then return 0 end
if redis.call('HGET', meta, mark) ~= ARGV[2] then return 0 end
local at = 5
local function each(act)
  local last = at + tonumber(ARGV[at])
  for i = at + 1, last do act('told:' .. ARGV[i]) end
  at = last + 1
end
local waits = false
each(function(told) redis.call('HSET', meta, told, n) end)
each(function(told) waits = waits or redis.call('HGET', meta, told) ~= n end)
if waits then
  redis.call('HDEL', meta, mark)
  return 2
end
if ARGV[3] ~= '' then redis.call('HSETNX', meta, 'epoch', ARGV[3]) end
for i = at, #ARGV, 2 do
  local field = 'log:' .. ARGV[i]
  if tonumber(redis.call('HGET', meta, field) or '0') < tonumber(ARGV[i + 1]) then
    redis.call('HSET', meta, field, ARGV[i + 1])
  end
end
for _, field in ipairs(redis.call('HKEYS', meta)) do
  if string.find(field, '^remembered:') or string.find(field, '^told:') then redis.call('HDEL', meta, field) end
end
redis.call('HSET', meta, 'logs', 1)
return 1

--[[
What a shard counted and what of it is open and hot, by tenant, in one piece.

KEYS  1 hot:{tS}  2 meta:{tS}
ARGV  1 tag {tS}
Returns {done or '', epoch or '', tenant, counted, open, hot, tenant, …}; sums are of the measure `count`: events.
]]
local rows = {}
local function row(tenant)
  rows[tenant] = rows[tenant] or { 0, 0, 0 }
  return rows[tenant]
end
local function sum(hash, column)
  local fields = redis.call('HGETALL', hash)
  for i = 1, #fields, 2 do
    -- tenant US domain US type US id US action US measure US bucket
    local tenant, measure = string.match(fields[i], '^([^\31]*)\31.*\31([^\31]*)\31[^\31]*$')
    if measure == 'count' then
      local counts = row(tenant)
      counts[column] = counts[column] + tonumber(fields[i + 1])
    end
  end
end
local done, epoch, open = '', '', nil
local meta = redis.call('HGETALL', KEYS[2])
for i = 1, #meta, 2 do
  local tenant = string.match(meta[i], '^counted:(.*)$')
  if tenant then row(tenant)[1] = tonumber(meta[i + 1]) end
  if meta[i] == 'done' then done = meta[i + 1] end
  if meta[i] == 'epoch' then epoch = meta[i + 1] end
  if meta[i] == 'open' then open = meta[i + 1] end
end
if open then sum('batch:' .. ARGV[1] .. ':' .. open, 2) end
sum(KEYS[1], 3)
local answer = { done, epoch }
for tenant, counts in pairs(rows) do
  answer[#answer + 1] = tenant
  for i = 1, 3 do answer[#answer + 1] = string.format('%.0f', counts[i]) end
end
return answer

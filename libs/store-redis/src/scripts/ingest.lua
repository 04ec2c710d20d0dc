--[[
Dedupes and counts the events of one shard, for all requests that share this write.

KEYS  1 hot:{tS}      hash, field -> sum
      2 meta:{tS}     hash: epoch, clock, seen, stopped, counted:<tenant>, done, open, name, frozen_at
      3 minutes:{tS}  hash, minute US tenant US outcome -> events
ARGV  1 tag {tS}; 2 a fresh name, should the shard's data begin here; 3 the number of groups (one for a request);
      then for each group:
      claim ('' or the import id), chunk, rejected tenant, rejected count, number of events; then for each event:
      member ('' = not deduped), tenant, number of increments, and for each: field, value
Returns a string with a letter for each event, in order:
      c counted · 0-4 duplicate of an event that many windows ago · x in a chunk that was claimed before
Error STOPPED when the shard stopped; then nothing was written.

`seen` describes the dedupe sets of the last five windows of 12 hours: window/subs:count,subs:count;window/…
A window holds levels; a level is `subs` sets (a power of two) named seen:{tS}:<window>:<level>:<sub>. Only the last
level takes members; when it averages FULL members a set, the next one opens with four times as many sets. A window's
first level is sized by what the window before it held. So every set stays an intset (8 bytes a member).
]]
local WINDOW, WINDOWS, FULL = 43200, 5, 384
local US = '\31'
local tag = ARGV[1]
local state = redis.call('HMGET', KEYS[2], 'stopped', 'clock', 'seen', 'epoch')
if state[1] then return redis.error_reply('STOPPED') end
if not state[4] then redis.call('HSET', KEYS[2], 'epoch', ARGV[2]) end

-- Time never goes back within a shard, whatever the machine's clock does.
local now = tonumber(redis.call('TIME')[1])
local clock = tonumber(state[2] or '0')
if now < clock then now = clock end
local minute = math.floor(now / 60)
local window = math.floor(now / WINDOW)

local windows, last = {}, 0
for name, text in string.gmatch(state[3] or '', '(%d+)/([^;]+)') do
  local w, levels, total = tonumber(name), {}, 0
  for subs, count in string.gmatch(text, '(%d+):(%d+)') do
    levels[#levels + 1] = { tonumber(subs), tonumber(count) }
    total = total + tonumber(count)
  end
  last = total
  if w > window - WINDOWS then windows[w] = levels end
end
local current = windows[window]
if not current then
  local subs = 1
  while subs * FULL < last do subs = subs * 2 end
  current = { { subs, 0 } }
  windows[window] = current
end

-- The start of the names of a level's sets, joined once: a level is {subs, members, prefix}.
local function prefix(w, level)
  return 'seen:' .. tag .. ':' .. w .. ':' .. level .. ':'
end
for w, levels in pairs(windows) do
  for level = 1, #levels do levels[level][3] = prefix(w, level) end
end

-- How many windows ago the member was seen, or nil; marks it as seen when it is new.
local function seen(member)
  -- Fifteen decimal digits fit a double exactly, and fix the lowest 15 bits of the number.
  local low = math.abs(tonumber(string.sub(member, -15)))
  local top = current[#current]
  if top[2] >= top[1] * FULL then
    top = { top[1] * 4, 0, prefix(window, #current + 1) }
    current[#current + 1] = top
  end
  for age = 0, WINDOWS - 1 do
    local levels = windows[window - age]
    if levels then
      local stop = #levels
      if age == 0 then stop = stop - 1 end -- the level that takes members answers below
      for level = 1, stop do
        local one = levels[level]
        if redis.call('SISMEMBER', one[3] .. (low % one[1]), member) == 1 then return age end
      end
    end
  end
  local set = top[3] .. (low % top[1])
  if redis.call('SADD', set, member) == 0 then return 0 end
  if redis.call('SCARD', set) == 1 then redis.call('EXPIREAT', set, (window + WINDOWS) * WINDOW) end
  top[2] = top[2] + 1
  return nil
end

local outcomes, minutes, counted = {}, {}, {}
local function note(tenant, outcome, events)
  local field = minute .. US .. tenant .. US .. outcome
  minutes[field] = (minutes[field] or 0) + events
end

local at = 4
for _ = 1, tonumber(ARGV[3]) do
  local claim, chunk, rejected_tenant, rejected, events = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  at = at + 5
  local taken = claim ~= '' and redis.call('SADD', 'imp:' .. tag .. ':' .. claim, chunk) == 0
  if rejected ~= '0' and not taken then note(rejected_tenant, 'rejected', tonumber(rejected)) end
  for _ = 1, events do
    local member, tenant, increments = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    at = at + 3
    local age
    if taken then age = 'x' elseif member ~= '' then age = seen(member) end
    if age then
      note(tenant, 'duplicate', 1)
      outcomes[#outcomes + 1] = tostring(age)
    else
      for i = at, at + 2 * increments - 2, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
      counted[tenant] = (counted[tenant] or 0) + 1
      outcomes[#outcomes + 1] = 'c'
    end
    at = at + 2 * increments
  end
end

for tenant, events in pairs(counted) do
  note(tenant, 'counted', events)
  redis.call('HINCRBY', KEYS[2], 'counted:' .. tenant, events)
end
for field, events in pairs(minutes) do redis.call('HINCRBY', KEYS[3], field, events) end

local described = {}
for w = window - WINDOWS + 1, window do
  local levels = windows[w]
  if levels then
    local parts = {}
    for level = 1, #levels do parts[level] = levels[level][1] .. ':' .. levels[level][2] end
    described[#described + 1] = w .. '/' .. table.concat(parts, ',')
  end
end
redis.call('HSET', KEYS[2], 'clock', now, 'seen', table.concat(described, ';'))
return table.concat(outcomes)

--[[
Dedupes and counts the events of one or more shards, for all requests that share this write. A shard is one step, all
or nothing; a shard that stopped, or lacks what an ingest log told it before, is passed over.

KEYS  for each shard:
      hot:{tS}      hash, field -> sum
      meta:{tS}     hash: epoch, clock, seen, stopped, counted:<tenant>, done, open, name, frozen_at, logs, log:<log>
      minutes:{tS}  hash, minute US tenant US outcome -> events
ARGV  1 a MessagePack array: a fresh name, should the data of a shard begin here; the ingest log ('' = none; a * and
      the name of a rebuild = only remember ids and claims, and how many events that was); then for each shard:
      tag {tS}, the number of elements that follow for this shard, the record of the log that it must have (0 = none),
      the last of these records (0 = not logged), number of groups (one for a request); for each group:
      claim ('' or the import id), chunk, rejected tenant, rejected count, number of events; for each event:
      member ('' = not deduped), the number that its last 15 digits make, tenant ('' = the one of the event before),
      number of increments, and for each: field, value
Returns a string, for each shard in order: s where it stopped, b where it is behind the log, and nothing was written; else o and a letter for each
      event: c counted · 0-4 duplicate of an event that many windows ago · x in a chunk that was claimed before

`seen` describes the dedupe sets of the last five windows of 12 hours: window/subs:count,subs:count;window/…
A window holds levels; a level is `subs` sets (a power of two) named seen:{tS}:<window>:<level>:<sub>. Only the last
level takes members; when it averages FULL members a set, the next one opens with four times as many sets. A window's
first level is sized by what the window before it held. So every set stays an intset (8 bytes a member).
]]
local WINDOW, WINDOWS, FULL = 43200, 5, 384
-- A set that is still empty when its level averages so many members is as good as impossible (1 in 10^27), so nobody
-- asks any more whether a member was a set's first.
local ALL_BEGUN = 64
local US = '\31'
local call, floor = redis.call, math.floor
local data = cmsgpack.unpack(ARGV[1])
local machine = tonumber(call('TIME')[1])
local log = data[2]
local remembering = string.sub(log, 1, 1) == '*'
local mark = 'remembered:' .. string.sub(log, 2)
local letters, told = {}, 0

-- Whole numbers as text, each made once: making them takes a third of the time of a write.
local texts = {}
local function text(number)
  local known = texts[number]
  if not known then
    known = string.format('%.0f', number)
    texts[number] = known
  end
  return known
end

-- Of the shard at hand: the level that takes members, and the levels that only answer, newest first.
local top, older, window, current, prefix

local function level_of(subs, count, w, place)
  return { subs = subs, count = count, age = window - w, name = prefix .. text(w) .. ':' .. text(place) .. ':' }
end

-- Reads the shard's `seen`. Answers the descriptions of the windows before this one, to be written back.
local function open_windows(description)
  older, current = {}, nil
  local kept, last = {}, 0
  for name, list in string.gmatch(description, '(%d+)/([^;]+)') do
    local w, levels = tonumber(name), {}
    last = 0
    for subs, count in string.gmatch(list, '(%d+):(%d+)') do
      levels[#levels + 1] = level_of(tonumber(subs), tonumber(count), w, #levels + 1)
      last = last + levels[#levels].count
    end
    if w == window then
      current = levels
    elseif w > window - WINDOWS then
      kept[#kept + 1] = name .. '/' .. list
      for i = #levels, 1, -1 do table.insert(older, 1, levels[i]) end
    end
  end
  if not current then
    local subs = 1
    while subs * FULL < last do subs = subs * 2 end
    current = { level_of(subs, 0, window, 1) }
  end
  top = current[#current]
  for i = 1, #current - 1 do table.insert(older, i, current[i]) end
  return kept
end

-- How many windows ago the member was seen, or nil; marks it as seen when it is new. `low`: its last 15 decimal digits, which
-- fit a double exactly, and fix the lowest 15 bits of the number.
local function seen(member, low)
  if top.count >= top.subs * FULL then
    table.insert(older, 1, top)
    top = level_of(top.subs * 4, 0, window, #current + 1)
    current[#current + 1] = top
  end
  for i = 1, #older do
    local one = older[i]
    if call('SISMEMBER', one.name .. text(low % one.subs), member) == 1 then return one.age end
  end
  local set = top.name .. text(low % top.subs)
  if call('SADD', set, member) == 0 then return 0 end
  if top.count < top.subs * ALL_BEGUN and call('SCARD', set) == 1 then
    call('EXPIREAT', set, text((window + WINDOWS) * WINDOW))
  end
  top.count = top.count + 1
  return nil
end

local at = 3
for shard = 1, #KEYS / 3 do
  local hot, meta, minutes_key = KEYS[3 * shard - 2], KEYS[3 * shard - 1], KEYS[3 * shard]
  local tag, length = data[at], data[at + 1]
  at = at + 2
  local state = call('HMGET', meta, 'stopped', 'clock', 'seen', 'epoch', 'logs', 'log:' .. log)
  local before, last, position = data[at], data[at + 1], tonumber(state[6] or '0')
  told = told + 1
  if state[1] and not remembering then
    letters[told] = 's'
    at = at + length
  elseif last > 0 and (not state[5] or position < before) then
    letters[told] = 'b'
    at = at + length
  else
    letters[told] = 'o'
    at = at + 2
    local again = last > 0 and position >= last
    if not state[4] and not remembering then call('HSET', meta, 'epoch', data[1]) end
    -- Time never goes back within a shard, whatever the machine's clock does.
    local now = math.max(machine, tonumber(state[2] or '0'))
    window = floor(now / WINDOW)
    prefix = 'seen:' .. tag .. ':'
    local described = open_windows(state[3] or '')
    local sums, counted, duplicates, rejects = {}, {}, {}, {}
    local tenant

    local first_told = told
    local groups = data[at]
    at = at + 1
    for _ = 1, groups do
      local claim, chunk, rejected_tenant, rejected, events = data[at], data[at + 1], data[at + 2], data[at + 3], data[at + 4]
      at = at + 5
      local taken = claim ~= '' and call('SADD', 'imp:' .. tag .. ':' .. claim, text(chunk)) == 0
      if rejected > 0 and not taken then rejects[rejected_tenant] = (rejects[rejected_tenant] or 0) + rejected end
      for _ = 1, events do
        local member, low, named, increments = data[at], data[at + 1], data[at + 2], data[at + 3]
        at = at + 4
        if named ~= '' then tenant = named end
        local age
        if again then age = 0 elseif taken then age = 'x' elseif member ~= '' then age = seen(member, low) end
        told = told + 1
        if remembering then
          letters[told] = age or 'c'
        elseif age then
          if not again then duplicates[tenant] = (duplicates[tenant] or 0) + 1 end
          letters[told] = age
        else
          for i = at, at + 2 * increments - 2, 2 do
            local field = data[i]
            sums[field] = (sums[field] or 0) + data[i + 1]
          end
          counted[tenant] = (counted[tenant] or 0) + 1
          letters[told] = 'c'
        end
        at = at + 2 * increments
      end
    end

    for field, value in pairs(sums) do call('HINCRBY', hot, field, text(value)) end
    for name, events in pairs(counted) do call('HINCRBY', meta, 'counted:' .. name, text(events)) end
    local minute = text(floor(now / 60)) .. US
    for outcome, list in pairs({ counted = counted, duplicate = duplicates, rejected = rejects }) do
      for name, events in pairs(list) do call('HINCRBY', minutes_key, minute .. name .. US .. outcome, text(events)) end
    end

    local parts = {}
    for i = 1, #current do parts[i] = text(current[i].subs) .. ':' .. text(current[i].count) end
    described[#described + 1] = text(window) .. '/' .. table.concat(parts, ',')
    if remembering and call('HEXISTS', meta, mark) == 1 then call('HINCRBY', meta, mark, told - first_told) end
    if last > 0 and not again then call('HSET', meta, 'log:' .. log, text(last)) end
    call('HSET', meta, 'clock', text(now), 'seen', table.concat(described, ';'))
  end
end
return table.concat(letters)

-- One exchange of a gateway: takes its counts, and grants what it asks for while the sum of all gateways' counts allows it.
--
-- KEYS  the gateway's exchange number, then the hash of each line (a field for each gateway, its count)
-- ARGV  gateway, its last number, this number, how many lines;
--       for each line: own count, least count of the others, 1 to keep our field where it is higher, seconds to live;
--       how many requests; for each: how many parts, for each part: line, amount, limit
-- Returns 0 when the number is used up, else 1 (the last exchange is unknown here) or 2, then for each line our count,
-- for each line the others', for each request the parts that refuse it as bits.

local gateway = ARGV[1]
local seen = tonumber(redis.call('GET', KEYS[1]) or '0')
if seen >= tonumber(ARGV[3]) then
  return {0}
end
redis.call('SET', KEYS[1], ARGV[3], 'EX', 172800)

local at = 4
local function take()
  at = at + 1
  return tonumber(ARGV[at])
end

local lines = tonumber(ARGV[4])
local own, others, before, lives = {}, {}, {}, {}
for line = 1, lines do
  local count, floor, adopting = take(), take(), take()
  lives[line] = take()
  local sum = 0
  local fields = redis.call('HGETALL', KEYS[line + 1])
  for field = 1, #fields, 2 do
    if fields[field] == gateway then
      before[line] = tonumber(fields[field + 1])
    else
      sum = sum + (tonumber(fields[field + 1]) or 0)
    end
  end
  own[line] = count
  if adopting == 1 then
    own[line] = math.max(count, before[line] or 0)
  end
  others[line] = math.max(sum, floor)
end

local masks = {}
local requests = take()
for request = 1, requests do
  local parts, mask = take(), 0
  local wanted = {}
  for part = 1, parts do
    local line, amount, limit = take(), take(), take()
    wanted[part] = {line, amount}
    if own[line] + others[line] >= limit then
      mask = mask + 2 ^ (part - 1)
    end
  end
  if mask == 0 then
    for part = 1, parts do
      local line = wanted[part][1]
      own[line] = own[line] + wanted[part][2]
    end
  end
  masks[request] = mask
end

for line = 1, lines do
  local key = KEYS[line + 1]
  if own[line] == 0 then
    if before[line] then
      redis.call('HDEL', key, gateway)
    end
  elseif own[line] ~= before[line] then
    redis.call('HSET', key, gateway, string.format('%.0f', own[line]))
    redis.call('EXPIRE', key, lives[line])
  end
end

local answer = {1}
if seen == tonumber(ARGV[2]) then
  answer[1] = 2
end
for line = 1, lines do
  answer[1 + line] = own[line]
  answer[1 + lines + line] = others[line]
end
for request = 1, requests do
  answer[1 + 2 * lines + request] = masks[request]
end
return answer

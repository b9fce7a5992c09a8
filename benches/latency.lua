-- The programs behind the bench of latencies. The first argument names what to be; those that measure
-- return a list of seconds.
local HOST, SELF = "app:processes", "app:latency"
local be = {}

-- Measures again and again: n times, or until it has lasted so many seconds. The list is there
-- beforehand, so that no measurement waits for it to grow.
local function samples(n, seconds, measure)
  local list, over = {}, os.clock() + seconds
  for i = 1, n do list[i] = 0.0 end
  for i = 1, n do
    local start = os.clock()
    if start > over then return table.move(list, 1, i - 1, 1, {}) end
    measure(i)
    list[i] = os.clock() - start
  end
  return list
end

function be.echo(peer)
  local pings = process.listen("ping")
  while true do process.send(peer, "pong", (pings:receive())) end
end

-- A function that sends a number to an echo and waits for it.
local function ping()
  local echo = assert(process.spawn(SELF, HOST, "echo", process.pid()))
  local pongs = process.listen("pong")
  return function(i)
    process.send(echo, "ping", i)
    pongs:receive()
  end
end

function be.round_trips(n, seconds) return samples(n, seconds, ping()) end

function be.sleeps(n, seconds)
  local list = samples(n, seconds, function() time.sleep("1ms") end)
  for i, slept in ipairs(list) do list[i] = slept - 0.001 end
  return list
end

-- Computes for so many seconds. Two readings of the clock are next to each other in time, unless there
-- was a pause.
function be.pauses(_, seconds)
  local list, start = {}, os.clock()
  local before, over = start, start + seconds
  repeat
    local now = os.clock()
    if now - before > 2e-6 then list[#list + 1] = now - before end
    before = now
  until now > over
  return list
end

-- Load, until the runtime ends.
function be.pair()
  local send = ping()
  while true do send(1) end
end

function be.hog() while true do end end

return function(what, ...) return be[what](...) end

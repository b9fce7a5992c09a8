-- The programs behind the benches of processes. The first argument names what to be; those that measure
-- get a number of rounds and return the nanoseconds that they took, or came late.
local HOST, SELF = "app:processes", "app:process"
local be = {}

local function spawn(...)
  return assert(process.spawn(SELF, HOST, ...))
end

local function timed(rounds, fn)
  local start = time.now():unix_nano()
  fn(rounds)
  return time.now():unix_nano() - start
end

function be.nothing() end

function be.spawn(rounds)
  local events = process.events()
  return timed(rounds, function(n)
    for _ = 1, n do process.spawn_monitored(SELF, HOST, "nothing") end
    for _ = 1, n do events:receive() end
  end)
end

function be.echo(peer)
  local ch = process.listen("ping")
  while true do process.send(peer, "pong", (ch:receive())) end
end

function be.ping_pong(rounds)
  local peer, ch = spawn("echo", process.pid()), process.listen("pong")
  local took = timed(rounds, function(n)
    for i = 1, n do
      process.send(peer, "ping", i)
      ch:receive()
    end
  end)
  process.terminate(peer)
  return took
end

function be.node(successor)
  local ch = process.listen("token")
  while true do process.send(successor, "token", ch:receive() - 1) end
end

-- A ring of 1,000 with this process in it; a round is one hop.
function be.ring(rounds)
  local ch, first = process.listen("token"), process.pid()
  local nodes = {}
  for i = 2, 1000 do
    first = spawn("node", first)
    nodes[i - 1] = first
  end
  local took = timed(rounds, function(n)
    process.send(first, "token", n)
    repeat
      local left = ch:receive()
      if left > 0 then process.send(first, "token", left - 1) end
    until left <= 0
  end)
  for _, node in ipairs(nodes) do process.terminate(node) end
  return took
end

function be.produce(to, n)
  for i = 1, n do process.send(to, "m", i) end
end

function be.fan_in(rounds)
  local ch, me = process.listen("m"), process.pid()
  local each = rounds // 4 + 1
  return timed(each * 4, function(n)
    for _ = 1, 4 do spawn("produce", me, each) end
    for _ = 1, n do ch:receive() end
  end) * rounds // (each * 4)
end

function be.pair(main, rounds)
  local go, peer, ch = process.listen("go"), spawn("echo", process.pid()), process.listen("pong")
  process.send(main, "ready", process.pid())
  go:receive()
  for i = 1, rounds do
    process.send(peer, "ping", i)
    ch:receive()
  end
  process.terminate(peer)
  process.send(main, "done")
end

-- A thousand pairs at a time; a round is one round trip. Each pair makes a hundred at least.
function be.pairs(rounds)
  local ready, done, all = process.listen("ready"), process.listen("done"), {}
  local each = rounds // 1000 + 100
  for _ = 1, 1000 do spawn("pair", process.pid(), each) end
  for i = 1, 1000 do all[i] = ready:receive() end
  return timed(all, function()
    for _, pair in ipairs(all) do process.send(pair, "go") end
    for _ = 1, 1000 do done:receive() end
  end) * rounds // (each * 1000)
end

function be.branch(parent, leaves)
  if leaves == 1 then
    process.send(parent, "sum", 1)
    return
  end
  local ch, me, sum = process.listen("sum"), process.pid(), 0
  for _ = 1, 10 do spawn("branch", me, leaves // 10) end
  for _ = 1, 10 do sum = sum + ch:receive() end
  process.send(parent, "sum", sum)
end

-- Trees of a thousand leaves, one after the other.
function be.tree(rounds)
  local ch, me = process.listen("sum"), process.pid()
  return timed(rounds, function(n)
    for _ = 1, n do
      spawn("branch", me, 1000)
      assert(ch:receive() == 1000)
    end
  end)
end

-- How late a sleep ended. It is above zero: nothing fires early.
local function late(ms)
  return timed(ms, function() time.sleep(ms * time.MILLISECOND) end) - ms * time.MILLISECOND
end

function be.sleeper(main, ms) process.send(main, "late", late(ms)) end

-- A thousand sleepers at a time, none of which is due before all are there.
function be.sleepers(rounds)
  local ch, me, sum = process.listen("late"), process.pid(), 0
  for first = 1, rounds, 1000 do
    local n = math.min(1000, rounds - first + 1)
    for i = 1, n do spawn("sleeper", me, 20 + i % 80) end
    for _ = 1, n do sum = sum + ch:receive() end
  end
  return sum
end

function be.hog() while true do end end

-- One sleep after the other, beside so many processes that compute.
function be.beside_hogs(rounds, hogs)
  local computing, sum = {}, 0
  for i = 1, hogs do computing[i] = spawn("hog") end
  for _ = 1, rounds do sum = sum + late(1) end
  for _, hog in ipairs(computing) do process.terminate(hog) end
  return sum
end

function be.select(rounds)
  local a, b, c = channel.new(1), channel.new(1), channel.new(1)
  return timed(rounds, function(n)
    for i = 1, n do
      c:send(i)
      channel.select { a:case_receive(), b:case_receive(), c:case_receive() }
    end
  end)
end

function be.timer(rounds)
  return timed(rounds, function(n)
    for _ = 1, n do time.timer("60s"):stop() end
  end)
end

-- A value to itself and back: encode, queue, decode.
local function copies(rounds, value)
  local ch, me = process.listen("value"), process.pid()
  return timed(rounds, function(n)
    for _ = 1, n do
      process.send(me, "value", value)
      ch:receive()
    end
  end)
end

local function fields(size)
  local t = {}
  for i = 1, size do t["k" .. i] = i end
  return t
end

function be.copy(rounds, size) return copies(rounds, fields(size)) end

-- As many entries, in tables of ten.
function be.copy_nested(rounds, size)
  local t = {}
  for i = 1, size // 10 do t["g" .. i] = fields(10) end
  return copies(rounds, t)
end

function be.copy_string(rounds, size) return copies(rounds, ("x"):rep(size)) end

return function(what, ...) return be[what](...) end

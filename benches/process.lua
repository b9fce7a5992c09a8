-- The programs behind the benches of processes. The first argument names what to be; those that measure
-- get a number of rounds and return the nanoseconds that they took.
local HOST, SELF = "app:processes", process.id()
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

-- A table of so many integers to itself and back: encode, queue, decode.
function be.copy(rounds, size)
  local ch, me, t = process.listen("t"), process.pid(), {}
  for i = 1, size do t["k" .. i] = i end
  return timed(rounds, function(n)
    for _ = 1, n do
      process.send(me, "t", t)
      ch:receive()
    end
  end)
end

-- A string of so many bytes to itself and back.
function be.copy_string(rounds, size)
  local ch, me, s = process.listen("s"), process.pid(), ("x"):rep(size)
  return timed(rounds, function(n)
    for _ = 1, n do
      process.send(me, "s", s)
      ch:receive()
    end
  end)
end

return function(what, ...) return be[what](...) end

-- N round trips of an integer between two processes.
local be = {}

function be.echo(peer)
  local pings = process.listen("ping")
  while true do process.send(peer, "pong", (pings:receive())) end
end

function be.measure(n)
  local echo = process.spawn("app:ping_pong", "app:processes", "echo", process.pid())
  local pongs, start = process.listen("pong"), os.clock()
  for i = 1, tonumber(n) do
    process.send(echo, "ping", i)
    pongs:receive()
  end
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end

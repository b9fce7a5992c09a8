-- N pairs of processes at the same time, with so many ROUNDS trips in each.
local be = {}

function be.echo(peer)
  local pings = process.listen("ping")
  while true do process.send(peer, "pong", (pings:receive())) end
end

function be.pair(main, rounds)
  local echo = process.spawn("app:pairs", "app:processes", "echo", process.pid())
  local pongs = process.listen("pong")
  for i = 1, rounds do
    process.send(echo, "ping", i)
    pongs:receive()
  end
  process.terminate(echo)
  process.send(main, "done")
end

function be.measure(n, rounds)
  local done, me, start = process.listen("done"), process.pid(), os.clock()
  for _ = 1, tonumber(n) do
    process.spawn("app:pairs", "app:processes", "pair", me, tonumber(rounds))
  end
  for _ = 1, tonumber(n) do done:receive() end
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end

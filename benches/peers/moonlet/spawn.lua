-- Spawns N processes that end at once, and receives the EXIT of each.
local be = {}

function be.nothing() end

function be.measure(n)
  local events, start = process.events(), os.clock()
  for _ = 1, tonumber(n) do process.spawn_monitored("app:spawn", "app:processes", "nothing") end
  for _ = 1, tonumber(n) do events:receive() end
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end

-- A token goes HOPS times from process to process, around a ring of SIZE.
local be = {}

function be.node(successor)
  local tokens = process.listen("token")
  while true do process.send(successor, "token", tokens:receive() - 1) end
end

-- This process is a node too. A token that has less than nothing left is late and stops here.
function be.measure(size, hops)
  local tokens, successor = process.listen("token"), process.pid()
  for _ = 2, tonumber(size) do
    successor = process.spawn("app:ring", "app:processes", "node", successor)
  end
  local start, left = os.clock(), tonumber(hops)
  repeat
    process.send(successor, "token", left - 1)
    left = tokens:receive()
  until left <= 0
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end

-- SENDERS processes send N integers each to one receiver, as fast as they can.
local be = {}

function be.sender(receiver, n)
  for i = 1, n do process.send(receiver, "number", i) end
end

function be.measure(senders, n)
  local numbers, me, start = process.listen("number"), process.pid(), os.clock()
  for _ = 1, tonumber(senders) do
    process.spawn("app:fan_in", "app:processes", "sender", me, tonumber(n))
  end
  for _ = 1, senders * n do numbers:receive() end
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end

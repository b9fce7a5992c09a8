-- N messages that are a table of ten tables with ten entries each; the receiver looks at one.
local be = {}

function be.sender(receiver, n)
  local groups = {}
  for i = 1, 10 do
    local group = {}
    for j = 1, 10 do group["entry" .. j] = i * j end
    groups["group" .. i] = group
  end
  for _ = 1, n do process.send(receiver, "table", groups) end
end

function be.measure(n)
  local tables, start = process.listen("table"), os.clock()
  process.spawn("app:nested", "app:processes", "sender", process.pid(), tonumber(n))
  for _ = 1, tonumber(n) do assert(tables:receive().group7.entry3 == 21) end
  print("took", os.clock() - start)
end

return function(role, ...) return be[role](...) end

-- N processes that wait. At each line `mark` the script reads how much memory is resident.
local be = {}

function be.wait() process.listen("stop"):receive() end

function be.measure(n)
  time.sleep("500ms")
  print("mark", "empty")
  time.sleep("500ms")
  for _ = 1, tonumber(n) do process.spawn("app:idle", "app:processes", "wait") end
  time.sleep("3s")
  print("mark", "full")
  time.sleep("500ms")
end

return function(role, ...) return be[role](...) end

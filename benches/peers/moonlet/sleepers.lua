-- N processes sleep once, up to a second, and tell how late they woke.
local be = {}

function be.sleeper(main, ms)
  local start = os.clock()
  time.sleep(ms * time.MILLISECOND)
  process.send(main, "late", os.clock() - start - ms / 1000)
end

function be.measure(n)
  local reports, me, late = process.listen("late"), process.pid(), {}
  for _ = 1, tonumber(n) do
    process.spawn("app:sleepers", "app:processes", "sleeper", me, math.random(1000))
  end
  for i = 1, tonumber(n) do late[i] = reports:receive() end
  print("late", table.concat(late, " "))
end

return function(role, ...) return be[role](...) end

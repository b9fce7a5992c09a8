-- Calls of functions and small sums, and nothing else.
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end

return function(_, n)
  local start = os.clock()
  fib(tonumber(n))
  print("took", os.clock() - start)
end

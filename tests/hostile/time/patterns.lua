-- H1, H2, H4: patterns that take for ever.
local case = {}
local many = ("a"):rep(400)
local long = ("x"):rep(1000000)
local SLOW <const> = ".-.-.-.-b$"

case["find"] = function() return many:find(SLOW) end
case["match"] = function() return many:match(SLOW) end
case["gmatch"] = function() for _ in many:gmatch(SLOW) do end end
case["gsub"] = function() return many:gsub(SLOW, "") end
case["under pcall"] = function() while true do pcall(string.find, many, SLOW) end end
case["quadratic"] = function() return long:find("x*y") end
case["%b"] = function() return ("("):rep(1000000):find("%b()") end
case["%f"] = function() while true do long:find("%f[y]x*%f[z]") end end
case["back reference"] = function() return long:find("(x*)%1y") end
case["growth"] = function()
    local s, more = "x", ("x"):rep(1000)
    while true do s = s:gsub("x", more) end
end
case["growth that is caught"] = function()
    while true do pcall(string.gsub, long, "x", long) end
end

return function(name) return case[name]() end

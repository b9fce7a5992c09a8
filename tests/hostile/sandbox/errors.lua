-- H40, H43: ends with strange values.
local case = {}
case["nil"] = function() error(nil) end
case["false"] = function() error(false) end
case["failing __tostring"] = function()
    error(setmetatable({}, { __tostring = function() error("in tostring") end }))
end
case["__tostring that gives a table"] = function()
    error(setmetatable({}, { __tostring = function() return {} end }))
end
case["large"] = function() error(("x"):rep(2 << 20), 0) end
case["escapes"] = function() error("a\0b\27[31mc\nd\xff", 0) end
case["itself"] = function() error(process.event) end
case["panic"] = function() require("logger").error("panic in a host function") end

return function(name) return case[name]() end

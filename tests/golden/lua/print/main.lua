-- app.md §4.2: print.
local check = require("check")

print()
print("label", 1, 2.0, nil, true, "end")
print("a\tb", "")
print(setmetatable({}, {
    __tostring = function()
        return "by __tostring"
    end,
}))
print(errors.new("an error"), time.parse_duration("1s"), time.utc, payload.new("payload"))
check.ok("__tostring must give a string", not pcall(print, setmetatable({}, {
    __tostring = function()
        return {}
    end,
})))
check.ok("an error in __tostring is raised", not pcall(print, setmetatable({}, { __tostring = error })))
check.equal("print gives nothing", select("#", print("x")), 0)
print(("long "):rep(3))
tostring = nil
print("print does not ask the global tostring", 1)

-- app.md §4.1: the Moonlet tables are read-only, everything else belongs to the process.
local check = require("check")

local tables = {
    channel = channel, errors = errors, payload = payload, process = process, time = time,
    ["process.event"] = process.event, ["process.registry"] = process.registry, ["payload.format"] = payload.format,
    json = json, logger = logger,
}
for name, t in check.sorted(tables) do
    local text = "cannot modify read-only table '" .. name .. "'"
    local function refused(row, run)
        local worked, err = pcall(run)
        if worked or not tostring(err):find(text, 1, true) then
            check.ok(name .. ": " .. row, false, tostring(err))
        end
    end
    refused("an existing member", function()
        t.new = 1
    end)
    refused("a new member", function()
        t.other = 1
    end)
    refused("a member set to nil", function()
        t.other = nil
    end)
    refused("a member set by rawset", function()
        rawset(t, "new", 1)
    end)
    check.equal("rawset of " .. name .. " by pcall", select(2, pcall(rawset, t, "other", 1)), text)
    check.equal("metatable of " .. name, getmetatable(t), false)
    check.ok("setmetatable of " .. name .. " raises", not pcall(setmetatable, t, {}))
end

-- Lua's own tables and globals may be changed; other processes see nothing of it.
local changes = check.script([[
    string.extra = function(s) return s .. "!" end
    assert(("x"):extra() == "x!")
    local before = tostring
    function tostring(value) return "changed " .. before(value) end
    assert(tostring(1) == "changed 1")
    print, math.pi, _G.pcall = nil, 3, nil
    setmetatable(_G, { __index = function(_, name) return "global " .. name end })
    assert(undefined_name == "global undefined_name")
    _G = nil
    getmetatable("").__index = function(_, key) return key end
    assert(("x").anything == "anything")
    return "changed"
]])
check.exits("one process changes its own", changes, "changed")
check.equal("nothing is changed elsewhere", { string.extra, tostring(print), type(pcall), math.pi > 3.1 },
    { nil, tostring(print), "function", true })
local fresh = check.script([[
    return table.concat({ tostring(string.extra), tostring(print ~= nil), tostring(math.pi > 3.1), tostring(1), type(pcall) }, " ")
]])
check.exits("nor in a new process", fresh, "nil true true 1 function")

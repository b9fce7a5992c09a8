-- A process dies wherever it loops, also in code that cannot be suspended (section 14).
local check = require("check")

local closing = [[
    local function closing()
        return setmetatable({}, { __close = function()
            while true do
                pcall(function() while true do end end)
            end
        end })
    end
]]
local in_place = [[
    local inside = setmetatable({}, { __tostring = function() while true do pcall(body) end end })
    while true do pcall(tostring, inside) end
]]
local fails = [[
    local function body()
        coroutine.wrap(function()
            local x <close> = closing()
            error("no")
        end)()
    end
]]
local is_closed = [[
    local function body()
        local co = coroutine.create(function()
            local x <close> = closing()
            coroutine.yield()
        end)
        coroutine.resume(co)
        coroutine.close(co)
    end
]]
local resumes = [[
    local function body()
        coroutine.resume(coroutine.create(function()
            while true do
                pcall(function() while true do end end)
            end
        end))
    end
]]
local directly = "while true do pcall(body) end"

for _, case in ipairs({
    { "in a close handler of a coroutine that failed", closing .. fails .. directly },
    { "in a close handler of a coroutine that is closed", closing .. is_closed .. directly },
    { "in a coroutine", resumes .. directly },
    { "in a close handler of a coroutine that failed inside a C function", closing .. fails .. in_place },
    { "in a close handler of a coroutine that is closed inside a C function", closing .. is_closed .. in_place },
    { "in a coroutine inside a C function", resumes .. in_place },
}) do
    local row, source = table.unpack(case)
    local pid = check.script(source)
    time.sleep("30ms")
    check.gives(row .. ": it is told", true, process.terminate(pid))
    check.exit_fails(row .. ": it ends", pid, "Internal, retryable nil: process terminated")
end

-- app.md §4.1: collectgarbage.
local check = require("check")

check.equal("count is a number of KB", math.type(collectgarbage("count")), "float")
check.equal("collect", collectgarbage("collect"), 0)
check.equal("the default", collectgarbage(), 0)
for _, option in ipairs({ "stop", "restart", "step", "isrunning", "generational", "incremental", "param", "setpause", "nonsense", "" }) do
    check.equal("option '" .. option .. "' gives 0", collectgarbage(option, 100), 0)
end
check.equal("a number as option", collectgarbage(5), 0)

do
    local garbage = {}
    for n = 1, 20000 do
        garbage[n] = { n }
    end
    local full = collectgarbage("count")
    garbage = nil
    collectgarbage()
    check.ok("a collection frees what is unreachable", garbage == nil and collectgarbage("count") < full / 2)
end
collectgarbage("stop")
do
    local highest = 0
    for n = 1, 200000 do
        local _ = { n }
        if n % 1000 == 0 then
            highest = math.max(highest, collectgarbage("count"))
        end
    end
    check.ok("stop stops nothing", highest < 8192, highest .. " KB")
end
do
    local weak = setmetatable({ {} }, { __mode = "v" })
    collectgarbage()
    check.equal("weak tables work", #weak, 0)
end

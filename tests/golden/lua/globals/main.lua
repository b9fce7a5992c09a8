-- app.md §4.1: globals, present and absent.
local check = require("check")

local function names(t)
    local list = {}
    for name in pairs(t) do
        list[#list + 1] = tostring(name)
    end
    table.sort(list)
    return table.concat(list, " ")
end
check.equal("globals", names(_G),
    "_G _VERSION assert channel check collectgarbage coroutine debug error errors getmetatable ipairs json load logger math "
    .. "next os pairs payload pcall print process rawequal rawget rawlen rawset require select setmetatable string table time "
    .. "tonumber tostring type unpack utf8 warn xpcall")
check.equal("_VERSION", _VERSION, "Lua 5.5")
check.equal("string", names(string),
    "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper")
check.equal("table", names(table), "concat create insert move pack remove sort unpack")
check.equal("utf8", names(utf8), "char charpattern codepoint codes len offset")
check.equal("coroutine", names(coroutine), "close create isyieldable resume running spawn status wrap yield")
check.equal("os", names(os), "clock date difftime time")
check.equal("debug", names(debug), "traceback")
check.equal("math", names(math),
    "abs acos asin atan ceil cos deg exp floor fmod frexp huge ldexp log max maxinteger min mininteger modf pi rad random "
    .. "randomseed sin sqrt tan tointeger type ult")
for _, name in ipairs({ "io", "package", "dofile", "loadfile", "module", "arg", "net", "env", "fs" }) do
    check.equal(name .. " is absent", rawget(_G, name), nil)
end
check.equal("unpack is table.unpack", unpack, table.unpack)
check.equal("members of process", names(process),
    "call cancel event events exec get_options id inbox link listen monitor pid registry send send_after set_options spawn "
    .. "spawn_linked spawn_linked_monitored spawn_monitored terminate unlink unlisten unmonitor upgrade with_message "
    .. "with_name with_options")
check.equal("members of errors", names(errors),
    "ALREADY_EXISTS CANCELED CONFLICT INTERNAL INVALID LIMIT_EXCEEDED NOT_FOUND PERMISSION_DENIED RATE_LIMITED TIMEOUT "
    .. "UNAVAILABLE UNKNOWN call_stack is new wrap")
check.equal("members of channel", names(channel), "new select")
check.equal("members of payload", names(payload), "format new")
check.equal("json", names(json), "decode encode pretty")
check.equal("logger", names(logger), "debug error info named warn with")

-- __gc is ignored.
do
    local ran = false
    for _ = 1, 10 do
        setmetatable({}, {
            __gc = function()
                ran = true
            end,
        })
    end
    local late = setmetatable({}, {})
    getmetatable(late).__gc = function()
        ran = true
    end
    late = nil
    collectgarbage()
    collectgarbage()
    check.equal("__gc of Lua code is ignored", ran, false)
    local metatable = { __gc = print }
    setmetatable({}, metatable)
    check.equal("the field stays", metatable.__gc, print)
end

-- math.random starts from a random seed in each process.
do
    local first = check.script("return math.random(1 << 60)")
    local a = check.event().result.value
    check.script("return math.random(1 << 60)")
    local b = check.event().result.value
    check.ok("random numbers differ from process to process", a ~= b and type(first) == "string")
    math.randomseed(42)
    local x = math.random(1000000)
    math.randomseed(42)
    check.equal("a seed repeats them", math.random(1000000), x)
end

-- Positions name the entry and the line.
local line = debug.traceback():match("main:(%d+):") + 1 | 0
check.equal("a position", select(2, pcall(function() error("x") end)), "app:main:" .. line .. ": x")
check.ok("a traceback", debug.traceback("t"):find("app:main:" .. line + 1 .. ": in main chunk", 1, true), debug.traceback("t"))

-- app.md §4.3: require.
local check = require("check")
local lib = require("lib")

for _, name in ipairs({ "string", "table", "math", "utf8", "coroutine", "os", "debug", "errors", "channel", "process", "payload", "time" }) do
    check.ok("require('" .. name .. "') is the global", rawequal(require(name), _G[name]))
end
check.ok("a listed module", rawequal(require("json"), json) and type(json.encode) == "function")
check.ok("an import", rawequal(require("lib"), lib) and rawequal(_G.lib, lib))
local function refused(row, want, name)
    local worked, err = pcall(require, name)
    check.equal(row, { worked, (tostring(err):gsub("^app:main:%d+: ", "")) }, { false, want })
end
refused("a module that is not listed", "module 'logger' is not listed in modules of entry 'app:main'", "logger")
refused("one that reaches outside", "module 'net' is not listed in modules of entry 'app:main'", "net")
check.equal("it is no global either", logger, nil)
for _, name in ipairs({ "io", "package", "nothing", "", "../lib", "app:lib", "deeper", "_G", "lib.lua" }) do
    refused("require('" .. name .. "')", "module '" .. name .. "' not found", name)
end
check.ok("require wants a string", not pcall(require) and not pcall(require, {}))
check.equal("a changed global does not matter", (function()
    local before = json
    json = nil
    local found = require("json")
    json = before
    return rawequal(found, before)
end)(), true)

-- Inside a library require sees the library's own lists, whenever it runs.
check.equal("an import of a library", lib.deeper.name, "deeper")
check.ok("a module of a library", rawequal(lib.direct("logger"), lib.logger))
check.ok("by pcall", rawequal(select(2, lib.try("deeper")), lib.deeper))
check.ok("what the library does not import", select(2, lib.try("check")):find("module 'check' not found", 1, true))
check.raises("what only the script lists", "module 'json' is not listed in modules of entry 'app:lib'", lib.direct, "json")
check.raises("what only the script imports", "module 'check' not found", lib.direct, "check")
check.ok("in loaded code", rawequal(lib.loaded("logger"), lib.logger))
check.ok("code cannot pose as a library", not pcall(load("local m = require('logger') return m", "=app:lib")))

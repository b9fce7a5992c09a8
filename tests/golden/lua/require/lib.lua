local lib = { deeper = require("deeper"), logger = require("logger") }

function lib.try(name)
    local ok, module = pcall(require, name)
    return ok, module
end

-- In a tail call nobody can tell who calls.
function lib.direct(name)
    local module = require(name)
    return module
end

function lib.in_coroutine(name)
    return coroutine.wrap(function()
        local module = require(name)
        return module
    end)()
end

function lib.loaded(name)
    local module = load("local name = ... local module = require(name) return module")(name)
    return module
end

return lib

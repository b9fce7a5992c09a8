-- Options (section 10).
local check = require("check")

check.equal("default", process.get_options(), { trap_links = false })
check.ok("a fresh table", process.get_options() ~= process.get_options())
local options = process.get_options()
options.trap_links = true
check.equal("changing it changes nothing", process.get_options().trap_links, false)
check.gives("set", true, process.set_options({ trap_links = true }))
check.equal("is set", process.get_options(), { trap_links = true })
check.gives("{} is fine", true, process.set_options({}))
check.equal("and changes nothing", process.get_options().trap_links, true)
check.gives("keys that are no strings are ignored", true, process.set_options({ 1, 2, [true] = 3 }))

local function refused(row, want, ...)
    check.fails(row, want, process.set_options(...))
    check.equal(row .. ": false", (process.set_options(...)), false)
    check.equal(row .. ": nothing is changed", process.get_options().trap_links, true)
end
refused("not a table", "Invalid: options parameter must be a table", 5)
refused("nothing", "Invalid: options parameter must be a table")
refused("not boolean", "Invalid: trap_links must be a boolean", { trap_links = 0 })
refused("a text", "Invalid: trap_links must be a boolean", { trap_links = "false" })
refused("unknown key", "Invalid: option trap is not supported", { trap = true })
refused("a good one beside it", "Invalid: option trap is not supported", { trap_links = false, trap = true })
refused("limits are no options here", "Invalid: option memory_limit is not supported",
    { memory_limit = "1MB" })
check.gives("back", true, process.set_options({ trap_links = false }))
check.equal("is back", process.get_options(), { trap_links = false })

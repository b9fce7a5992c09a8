-- Every library, and every member of it: half of them met by the top level, the rest in the process.
local libraries = { json = require("json"), logger = require("logger"), time = require("time") }
for name, value in pairs(_G) do
    if type(value) == "table" and name ~= "_G" then
        libraries[name] = value
    end
end

local names = {}
for name in pairs(libraries) do
    names[#names + 1] = name
end
table.sort(names)

local function members(name)
    local all = {}
    for member, value in pairs(libraries[name]) do
        all[#all + 1] = name .. "." .. tostring(member) .. " " .. type(value)
    end
    table.sort(all)
    return all
end

local seen = {}
for n = 1, #names, 2 do
    seen[names[n]] = members(names[n])
end

return function()
    local all = {}
    for _, name in ipairs(names) do
        local now = members(name)
        if seen[name] then
            assert(table.concat(seen[name], "\n") == table.concat(now, "\n"), name)
        end
        table.move(now, 1, #now, #all + 1, all)
    end
    assert(_G.string == string and libraries.string == string and ("x").rep == string.rep)
    assert(require("time") == libraries.time and require("string") == string and require("json") == libraries.json)
    -- What belongs to the process may be changed in it.
    function string.twice(s) return s .. s end
    table.pack, extra = nil, "a new global"
    return {
        members = all,
        formatted = string.format("%5.2f|%-4s|%q", math.pi, "ab", "c\n") .. ("ab"):twice() .. tostring(table.pack),
        matched = { ("key = value"):match("^(%w+)%s*=%s*(%w+)$") },
        packed = string.unpack("<i4", string.pack("<i4", -7)),
        moved = table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ","),
        reals = { math.type(1), math.type(1.0), math.tointeger("8"), 7 // 2, -7 % 3, math.ult(1, -1) },
        text = utf8.char(228, 8364) .. utf8.len("äö€"),
        date = os.date("!%Y-%m-%d", 86400),
        span = tostring(time.parse_duration("90m")),
        json = libraries.json.encode({ 1, { a = true } }),
        err = errors.new({ message = "m", kind = errors.NOT_FOUND }):kind(),
    }
end

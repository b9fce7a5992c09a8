-- What stock Lua's pattern functions and ours give must be the same, errors too.
local stock, ours = string, getmetatable('').__index
assert(stock.find ~= ours.find and stock.gmatch ~= ours.gmatch and stock.gsub ~= ours.gsub)
local fields, matches_max = {a = 'x', b = false, [1] = 'one', aa = 12.5}, 40
local index = setmetatable({}, {__index = function(_, key) return key ~= 'b' and key end})

local function all(lib, s, p, init, n)
    local seen = {}
    local function note(...)
        for i = 1, select('#', ...) do
            local value = select(i, ...)
            seen[#seen + 1] = (math.type(value) or type(value)) .. ' ' .. tostring(value)
        end
        seen[#seen + 1] = '|'
    end
    note(pcall(lib.find, s, p, init))
    note(pcall(lib.find, s, p, init, true))
    note(pcall(lib.match, s, p, init))
    note(pcall(function()
        local left = matches_max
        for a, b, c in lib.gmatch(s, p, init) do
            note(a, b, c)
            left = left - 1
            if left == 0 then break end
        end
    end))
    note(pcall(lib.gsub, s, p, '<%0%1>', n))
    note(pcall(lib.gsub, s, p, '%2%%'))
    note(pcall(lib.gsub, s, p, 'plain'))
    note(pcall(lib.gsub, s, p, ''))
    note(pcall(lib.gsub, s, p, s .. '%0' .. p, n))
    note(pcall(lib.gsub, s, p, function(...) note(...) return select('#', ...) end, n))
    note(pcall(lib.gsub, s, p, function(c) return c ~= 'a' and c ~= 'ab' and s end))
    note(pcall(lib.gsub, s, p, fields, n))
    note(pcall(lib.gsub, s, p, index))
    return table.concat(seen, '\n')
end

function check(...)
    local expected, found = all(stock, ...), all(ours, ...)
    if found ~= expected then
        error('stock:\n' .. expected .. '\nours:\n' .. found, 0)
    end
end

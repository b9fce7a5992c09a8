local by_name, array, mixed = {}, {}, { 1, 2, 3, x = 1, [2.5] = "half", [true] = "yes", [print] = "print" }
for n = 1, 100 do
    by_name["key" .. n] = n
    array[n] = "value" .. n
end
local long = ("long "):rep(40)
by_name[long] = long
local proxy = setmetatable({}, { __index = by_name, __len = function() return 7 end, __call = function(_, x) return x end })
local nested = { a = { b = { c = by_name } } }
nested.self = nested
return function()
    for n = 1, 100 do
        assert(by_name["key" .. n] == n and array[n] == "value" .. n and proxy["key" .. n] == n)
    end
    assert(by_name[("long "):rep(40)] == ("long "):rep(40))
    assert(mixed[2.5] == "half" and mixed[true] == "yes" and mixed[print] == "print" and #mixed == 3)
    assert(#proxy == 7 and proxy("x") == "x" and nested.self == nested and nested.a.b.c == by_name)
    for n = 1, 1000 do
        by_name["new" .. n] = n
    end
    local n_pairs = 0
    for _ in pairs(by_name) do
        n_pairs = n_pairs + 1
    end
    assert(n_pairs == 1101, n_pairs)
    local objects = {}
    for n = 1, 50 do
        objects[{}] = n
    end
    for key in pairs(objects) do
        assert(objects[key])
    end
    return "ok"
end

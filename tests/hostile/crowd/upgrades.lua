-- H50: upgrades that lead nowhere.
local case = {}
case["to nothing"] = function() process.upgrade("hostile:none") end
case["to a host"] = function() process.upgrade("hostile:small") end
case["for ever"] = function(name) process.upgrade(nil, name) end
case["to one that fails"] = function() process.upgrade("hostile.crowd:upgrades", "no such case") end

return function(name) return case[name](name) end

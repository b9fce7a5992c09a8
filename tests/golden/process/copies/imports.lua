local shared = require("shared")
local text = "script sees " .. shared.text
return function()
    shared.text = "changed"
    return { shared.runs, text }
end

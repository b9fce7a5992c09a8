return { main = function()

    error("boom") end }

return { main = function() error("no answer") end }

return function()
    process.upgrade("app:counter")
end

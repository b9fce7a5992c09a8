-- Starts a second process, waits for its end, and prints what it returned.

local function main(name)
    local greeting, err = process.exec("hello:greeter", "app:processes", name or "world")
    if err then return nil, err end
    print(greeting)
end

return { main = main }

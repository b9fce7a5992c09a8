local function main()
    time.sleep("10ms")
    error("child failed")
end

return { main = main }

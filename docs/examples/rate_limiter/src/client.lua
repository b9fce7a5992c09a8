-- Gets permits, one after the other.

local function main(bucket, n)
    for _ = 1, n do assert(process.call(bucket, "acquire")) end
    return n
end

return { main = main }

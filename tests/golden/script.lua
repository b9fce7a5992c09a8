-- Runs the Lua source in its first argument; the source gets the other arguments as `...`.
return {
    main = function(source, ...)
        return assert(load(source, "=script"))(...)
    end,
}

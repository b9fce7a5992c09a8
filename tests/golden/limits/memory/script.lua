return {
    main = function(source, ...)
        return assert(load(source, "=script"))(...)
    end,
}

local first = ...
return function(n)
    return { first, n }
end

-- The same in every process, so the library has run in what these are copied from.
return require("work")

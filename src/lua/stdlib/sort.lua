-- table.sort with a comparator: sorts t[1] to t[n] in place. As Lua code it can be interrupted at any
-- point, and comparators may wait. Returns false when it finds that `less` is no strict weak order.
--
-- Quicksort with the median of the first, the middle and the last element as pivot: the same steps as
-- stock Lua takes, so that equal elements end up in the same order. An assignment stores its last value
-- first, so swaps name the places the other way round. Ranges that are left for later are kept in
-- `pending`; the shorter part goes first, so it holds at most log2(n) of them.

local t, n, less = ...
less = less or function(a, b) return a < b end

local LARGE <const> = 100  -- a range from this size on may get a random pivot
local UNEVEN <const> = 128 -- a partition that is so uneven asks for it

local pending, height = {}, 0
local first, last, random = 1, n, 0

while true do
  while first < last do
    local a, c = t[first], t[last]
    if less(c, a) then
      t[last], t[first] = a, c
    end
    if last - first == 1 then break end

    local middle
    if last - first < LARGE or random == 0 then
      middle = (first + last) // 2
    else
      local quarter = (last - first) // 4
      middle = first + quarter + random % (2 * quarter)
    end
    local pivot
    pivot, a = t[middle], t[first]
    if less(pivot, a) then
      t[first], t[middle] = pivot, a
    else
      c = t[last]
      if less(c, pivot) then
        t[last], t[middle] = pivot, c
      end
    end
    if last - first == 2 then break end

    -- The pivot waits in front of the last element; both stop the scans below.
    pivot, a = t[middle], t[last - 1]
    t[last - 1], t[middle] = pivot, a
    local i, j = first, last - 1
    while true do
      i = i + 1
      a = t[i]
      while less(a, pivot) do
        if i == last - 1 then return false end
        i = i + 1
        a = t[i]
      end
      j = j - 1
      c = t[j]
      while less(pivot, c) do
        if j < i then return false end
        j = j - 1
        c = t[j]
      end
      if j < i then break end
      t[j], t[i] = a, c
    end
    t[i], t[last - 1] = pivot, a

    local shorter
    if i - first < last - i then
      shorter = i - first
      pending[height + 1], pending[height + 2] = i + 1, last
      last = i - 1
    else
      shorter = last - i
      pending[height + 1], pending[height + 2] = first, i - 1
      first = i + 1
    end
    local left = pending[height + 2] - pending[height + 1]
    pending[height + 3] = random
    if left // UNEVEN > shorter then
      pending[height + 3] = (random * 1103515245 + 12345) & 0x7fffffff
    end
    height = height + 3
  end
  if height == 0 then return true end
  height = height - 3
  first, last, random = pending[height + 1], pending[height + 2], pending[height + 3]
end

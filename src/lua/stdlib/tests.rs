//! What Lua code sees of the libraries: the same as in stock Lua, except where the specification
//! says otherwise.

mod long_strings;
mod tables;

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

use crate::lua::testing::{TestVm, ours, simulate_program, stock};

/// Each snippet gives the same in our VM and in stock Lua.
fn same(snippets: &[&str]) {
    let differ = |snippet: &&&str| ours(snippet) != stock(snippet);
    let shown = snippets.iter().filter(differ).map(|snippet| {
        format!("{snippet}\n  ours:  {}\n  stock: {}", ours(snippet), stock(snippet))
    });
    let shown = shown.collect::<Vec<_>>();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn a_fresh_vm_is_small() {
    let bare = TestVm::with_bare(|vm| vm.universe().used_bytes());
    let open = TestVm::with(|vm| vm.universe().used_bytes());
    println!("bare {bare} bytes, with libraries {open} bytes");
    assert!(open < 7_000, "{open} bytes");
}

#[test]
fn libraries_have_the_members_of_stock_lua_and_of_the_specification() {
    let names = "local names = {}
        for name in pairs(LIBRARY) do names[#names + 1] = name end
        table.sort(names)
        return table.concat(names, ' ')";
    for library in ["table", "math", "utf8"] {
        same(&[&names.replace("LIBRARY", library)]);
    }
    let with_spawn =
        stock(&names.replace("LIBRARY", "coroutine")).replace("status", "spawn status");
    assert_eq!(ours(&names.replace("LIBRARY", "coroutine")), with_spawn);
    assert_eq!(ours(&names.replace("LIBRARY", "os")), "clock date difftime time");
    assert_eq!(ours(&names.replace("LIBRARY", "debug")), "traceback");
    let without_dump = stock(&names.replace("LIBRARY", "string")).replace("dump ", "");
    assert_eq!(ours(&names.replace("LIBRARY", "string")), without_dump);
    let globals = "_G _VERSION assert channel collectgarbage coroutine debug error errors \
        getmetatable ipairs load math next os pairs payload pcall print process rawequal rawget \
        rawlen rawset require select setmetatable string table time tonumber tostring type unpack \
        utf8 wait warn xpcall";
    assert_eq!(ours(&names.replace("LIBRARY", "_G")), globals);
}

#[test]
fn lazy_tables_look_like_ordinary_ones() {
    same(&[
        "return string.rep == string.rep, string.rep('x', 3), ('x'):rep(3)",
        "return next(string) ~= nil, next({}), next(string, nil) ~= nil",
        "return rawget(string, 'rep') ~= nil, rawget(_G, 'print') ~= nil, rawget(_G, 'no')",
        "string.rep = nil return string.rep, pcall(function() return ('x'):rep(2) end)",
        "local rep = string.rep string.rep = nil return string.rep, rawget(string, 'rep')",
        "print = nil local n = 0 for k in pairs(_G) do if k == 'print' then n = n + 1 end end return n",
        "string.rep = 5 return string.rep, rawget(string, 'rep')",
        "rawset(string, 'rep', nil) return string.rep, ('x').rep",
        "string.foo = 1 return string.foo, ('x').foo, string.bar",
        "return getmetatable(string), getmetatable(_G), getmetatable('').__index == string",
        "local t = setmetatable(string, {__index = function(_, k) return k end})
         return t == string, string.nope, string.rep ~= 'rep', ('x').nope",
        "setmetatable(_G, {__index = function(_, k) error('undefined ' .. k, 2) end}) return nope",
        "return pcall(function() string[nil] = 1 end)",
        "return pcall(function() _G[0/0] = 1 end)",
        "return string[nil], _G[1], #string, #_G",
        "x1 = 1 x2 = 2 x1 = nil return x1, x2, x3",
        "for i = 1, 50 do _G['g' .. i] = i end
         local s = 0 for i = 1, 60 do s = s + (_G['g' .. i] or 0) end return s, tostring ~= nil",
        "local n = 0 for i = 1, 100 do if undefined then n = 1 end end return n, type(math.pi)",
        "local f, t, k = pairs(string) return type(f), t == string, k",
        "local f, t, k = pairs({}) return type(f), type(t), k",
        "return _G._G == _G, _VERSION, math.pi, math.maxinteger, utf8.charpattern",
        "return table.unpack({1, 2}), '10' + 1, '3' * '4', pcall(function() return 'x' + 1 end)",
        "_G = nil return type(string), type(_ENV), _G",
        "local _ENV = setmetatable({}, {__index = _G}) x = 1 return type(print), x, string.len('ab')",
        "return pcall(next, {}, 'no'), pcall(next), pcall(pairs), pcall(rawget, 1)",
        "local t = {} for k, v in next, {a = 1, b = 2} do t[#t + 1] = k end return #t",
        "global x <const> = 5 return x",
        "local keys = 0 for _ in pairs(setmetatable({}, {__pairs = function(t)
            return next, {1, 2, 3}, nil end})) do keys = keys + 1 end return keys",
    ]);
}

#[test]
fn what_reaches_outside_is_absent() {
    assert_eq!(
        ours(
            "return dofile, loadfile, io, package, arg, string.dump, os.exit, os.execute,
             os.getenv, debug.getregistry, debug.sethook, debug.setmetatable"
        ),
        ["nil"; 12].join(", ")
    );
    assert_eq!(ours("return unpack == table.unpack, unpack({1, 2})"), "true, 1, 2");
}

#[test]
fn random_numbers_are_those_of_stock_lua_for_the_seed() {
    let drawn = "return math.random(1000), math.random(), math.random(0), math.random(5, 6)";
    let seeded = format!("math.randomseed(1, 2) {drawn}");
    assert_eq!(ours(drawn), stock(&seeded));
    same(&[
        &seeded,
        "local r = math.random math.randomseed(42) return r(100), math.random(100)",
        "math.randomseed = nil math.random() return math.randomseed",
        "local s = math.randomseed math.random = 5 s(7) return math.random",
        "return pcall(math.random, 2, 1), pcall(math.random, 1, 2, 3)",
    ]);
    assert_eq!(ours("for _ in pairs(math) do end return math.random(10) <= 10"), "true");
}

#[test]
fn finalizers_of_lua_code_never_run() {
    assert_eq!(
        ours(
            "local ran = 0
             local meta = {__gc = function() ran = ran + 1 end, __index = {a = 1}}
             for _ = 1, 10 do setmetatable({}, meta) end
             local t = setmetatable({}, meta)
             collectgarbage() collectgarbage()
             return ran, type(meta.__gc), t.a, getmetatable(t) == meta, rawget(meta, '__gc') ~= nil"
        ),
        "0, function, 1, true, true"
    );
}

#[test]
fn metatables_are_set_as_in_stock_lua() {
    same(&[
        "local t, m = {}, {} return setmetatable(t, m) == t, getmetatable(t) == m",
        "return getmetatable(setmetatable(setmetatable({}, {__gc = type}), nil))",
        "return pcall(setmetatable, 1, {})",
        "return pcall(setmetatable, 1, {__gc = type})",
        "return pcall(setmetatable, {}, 1)",
        "return pcall(setmetatable, {})",
        "return pcall(setmetatable, setmetatable({}, {__metatable = 1}), {})",
        "return pcall(setmetatable, setmetatable({}, {__metatable = 1}), {__gc = type})",
        "return pcall(setmetatable, setmetatable({}, {__metatable = false}), {__gc = type})",
        "return getmetatable(setmetatable({}, {__metatable = 1, __gc = type}))",
        "return getmetatable(setmetatable({}, {__metatable = 1})), pcall(getmetatable)",
        "local t = setmetatable({}, {__gc = type}) return pcall(function() return t.x.y end)",
    ]);
}

#[test]
fn long_sources_compile_as_in_one_piece() {
    // Words of many lengths, so that pieces end in the middle of any of them.
    same(&[
        r"local source = {}
        for n = 1, 2000 do source[n] = ('x'):rep(n % 90 + 1) .. '_ = [[' .. n .. ']] --[=[ ]] ]=]' end
        source[#source + 1] = [[ local a <const>, s = 0x1p4, '\x41\z   b' return a, s, x_, ...]]
        return load(table.concat(source, '\n'), '=long')(1, 2)",
        r"return load(('x = 1; '):rep(3000) .. ' y y', '=long')",
        r"return load('return ' .. ('1+'):rep(9000) .. '1')()",
        r"return #load('return \'' .. ('a'):rep(20000) .. '\'')()",
    ]);
}

#[test]
fn load_takes_text_of_bounded_size() {
    same(&[
        "return load('return 1 + 1')()",
        "return load('return ...', 'name', 't')(7)",
        "return load('x = ', '=name')",
        "return load('x = ')",
        "return load('return x', 'c', 't', {x = 3})()",
        "return load('return x', 'c', nil, {x = 3})()",
        "return load('return x', 'c', 't', nil)",
        "return pcall(load('return x', 'c', 't', nil))",
        "return load('return 1', 'c', 'b')",
        "return load('return 1', 'c', '')",
        "return load('return 1', 'c', 5)",
        "return pcall(load, 'return 1', 'c', 'B')",
        "return pcall(load, 'return 1', 'c', {})",
        "return pcall(load, 'return 1', {})",
        "return pcall(load), pcall(load, {}), pcall(load, true)",
        "return load(5)",
        "local n = 0 return load(function() n = n + 1 return ({'return ', '4', nil})[n] end)()",
        "local n = 0 return load(function() n = n + 1 return ({'return ', 5, ''})[n] end)()",
        "return load(function() return nil end)()",
        "return load(function() return {} end)",
        "return load(function() error('bad') end)",
        "return load(function() error({}) end)",
        "local n = 0 return load(function() n = n + 1 return ({'x x'})[n] end)",
        "local n = 0 return load(function() n = n + 1 return ({'x x'})[n] end, 'named')",
        "local n = 0
         return load(function() n = n + 1 return ({'return x'})[n] end, 'named', 't', {x = 3})()",
        "return load('\\27Lua', 'c', 't')",
    ]);
    assert_eq!(
        ours("return load('\\27Lua', 'c'), load('\\27Lua', 'c', 'b')"),
        "nil, nil, attempt to load a binary chunk (mode is \\'t\\')"
    );
    assert_eq!(ours("return load((' '):rep(2^20 + 1))"), "nil, source is too large: at most 1 MB");
    assert_eq!(ours("return load((' '):rep(2^20 - 8) .. 'return 1')()"), "1");
    assert_eq!(
        ours("return load(function() return 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' end)"),
        "nil, source is too large: at most 1 MB"
    );
    assert!(ours("return load(function() wait() end)").starts_with("nil, "));
}

#[test]
fn collectgarbage_counts_and_collects_only() {
    assert_eq!(
        ours(
            "local before = collectgarbage('count')
             local big = ('x'):rep(1e6)
             local grown = collectgarbage('count') - before
             big = nil
             return math.type(before), grown > 900, collectgarbage(), collectgarbage('collect'),
                collectgarbage('count') - before < 100"
        ),
        "float, true, 0, 0, true"
    );
    assert_eq!(
        ours(
            "return collectgarbage('stop'), collectgarbage('generational'), collectgarbage('step', 5),
             collectgarbage('isrunning'), collectgarbage('nonsense'), collectgarbage(nil),
             pcall(collectgarbage, {})"
        ),
        "0, 0, 0, 0, 0, 0, false, bad argument #1 to \\'collectgarbage\\' (string expected, got table)"
    );
}

#[test]
fn warn_takes_strings() {
    same(&[
        "return pcall(warn)",
        "return pcall(warn, {})",
        "return pcall(warn, 'a', {})",
        "return select('#', warn('@off'))",
    ]);
    assert_eq!(ours("return select('#', warn('a', 1, 'b'))"), "0");
}

#[test]
fn xpcall_is_that_of_stock_lua() {
    same(&[
        "return xpcall(function(...) return ... end, print, 1, 2, nil)",
        "return xpcall(error, function(e) return 'handled ' .. e end, 'x', 0)",
        "return xpcall(function() error('x') end, function(e) return e, 2 end)",
        "return xpcall(function() local x = nil + 1 end, function(e) return e end)",
        "return xpcall(function() error() end, function(e) return type(e) end)",
        "return xpcall(function() error({}) end, type)",
        "return pcall(xpcall)",
        "return pcall(xpcall, print)",
        "return pcall(xpcall, print, 5)",
        "return pcall(xpcall, print, setmetatable({}, {__call = print}))",
        "return xpcall(5, function(e) return e end)",
        "return xpcall(function() error('x', 0) end, function(e) error('y', 0) end)",
        "return xpcall(function() error('x') end, debug.traceback)",
        "local function f() return f() + 1 end return xpcall(f, function(e) return #e > 0 end)",
        "return xpcall(xpcall, function(e) return e end, error, function(e) return 'in' end, 'x')",
        "return xpcall(function() return wait(1) + wait(41) end, print)",
        "return xpcall(function() wait(1) error('late', 0) end, function(e) return e .. '!' end)",
    ]);
    assert_eq!(ours("return xpcall(function() return wait(1), wait(2) end, print)"), "true, 1, 2");
}

#[test]
fn a_dying_process_does_not_reach_message_handlers() {
    let handled = TestVm::with(|vm| {
        vm.universe().set_dying();
        vm.run("return xpcall(error, function() return 'handled' end, 'x', 0)")
    });
    assert_eq!(handled, "false, x");
}

#[test]
fn traceback_is_all_of_debug() {
    same(&[
        "return debug.traceback('x')",
        "return debug.traceback('x', 2), debug.traceback(5), debug.traceback({}) ~= nil",
        "return debug.traceback(coroutine.create(print)), debug.traceback(coroutine.create(print), 'x')",
    ]);
}

#[test]
fn os_gives_times_and_dates() {
    same(&[
        "return os.time{year = 2024, month = 2, day = 30, hour = 0}",
        "local t = {year = 2024, month = 14, day = -3, sec = 100} local s = os.time(t)
         return s, t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst",
        "return os.date('!%Y-%m-%d %H:%M:%S', 86400), os.date('!%c', 0), os.date('!%x %X %p', 1e9)",
        "local t = os.date('!*t', 1e9)
         return t.year, t.month, t.day, t.hour, t.min, t.sec, t.wday, t.yday, t.isdst",
        "return os.difftime(5, 2), pcall(os.difftime, 1), pcall(os.difftime, 1.5, 2)",
        "return pcall(os.time, {})",
        "return pcall(os.time, {year = 2024, month = 'x', day = 1})",
        "return pcall(os.time, {year = '2024', month = 1.5, day = 1})",
        "return os.time({year = 2024, month = 1, day = {}})",
        "local t = setmetatable({hour = 1}, {__index = {year = 2024, month = 5, day = 32}})
         return os.time(t), rawget(t, 'day'), t.month",
        "local seen = {} local t = setmetatable({}, {__index = function(_, k) seen[#seen + 1] = k return k ~= 'isdst' and 1 or nil end,
            __newindex = function(_, k, v) seen[#seen + 1] = k .. '=' .. tostring(v) end})
         local s = os.time(t) table.sort(seen) return s, table.concat(seen, ' ')",
        "return os.time(setmetatable({}, {__index = function(_, k) error(k, 2) end}))",
        "return os.time({year = '2024', month = 1, day = 1})",
        "return pcall(os.time, 5)",
        "return pcall(os.date, {})",
        "return pcall(os.date, '%Ez', 1)",
        "return pcall(os.date, '%Q', 1)",
        "return pcall(os.date, '*t', 1e18)",
        "return pcall(os.date, '*t', 1.5)",
        "return os.date(5), os.date('', 1)",
        "return math.type(os.time()), math.type(os.clock()), #os.date() > 10",
    ]);
    assert_eq!(ours("local a = os.clock() return os.clock() >= a, a >= 0"), "true, true");
}

#[test]
fn callbacks_of_gsub_and_comparators_of_sort_may_wait() {
    TestVm::with(|vm| {
        let source = "return ('a b'):gsub('%w', function(c) return wait(c) .. '!' end)";
        assert_eq!(vm.run_counted(source), ("a! b!, 2".to_owned(), 2));
        let source =
            "local t = setmetatable({}, {__index = function(_, k) return wait(k) .. k end})
            return ('a b'):gsub('%w', t)";
        assert_eq!(vm.run_counted(source), ("aa bb, 2".to_owned(), 2));
        let source = "local t = {3, 1, 2}
            table.sort(t, function(a, b) wait() return a < b end) return table.unpack(t)";
        assert_eq!(vm.run(source), "1, 2, 3");
        assert!(vm.run_counted(source).1 >= 2);
        let source = "local t = setmetatable({2, 1}, {__len = function() return wait(2) end})
            table.sort(t) return t[1], t[2]";
        assert_eq!(vm.run_counted(source), ("1, 2".to_owned(), 1));
    });
}

#[test]
fn string_functions_take_error_objects() {
    let source = "
        local e = errors.new('Not found: a-b')
        assert(string.find(e, 'found') == 5 and e:message():find(errors.new('found'), 1, true) == 5)
        assert(string.match(e, '%w+$') == 'b' and ('x'):match(errors.new('x')) == 'x')
        local words = {}
        for word in string.gmatch(e, '%w+') do words[#words + 1] = word end
        assert(table.concat(words, ' ') == 'Not found a b')
        assert(string.gsub(e, '%W', '') == 'Notfoundab' and string.gsub(e, '%w+', string.upper)
            == 'NOT FOUND: A-B' and string.gsub('xy', 'x', errors.new('<%0>')) == '<x>y')
        assert(string.gsub('Not', errors.new('o'), {o = 'a'}) == 'Nat')
        assert(string.sub(e, -3) == 'a-b' and string.len(e) == 14)
        assert(string.lower(e) == 'not found: a-b' and string.upper(e) == 'NOT FOUND: A-B')
        assert(string.format(errors.new('%d%%'), 5) == '5%' and string.format('%s', e) == e:message())
        local ok, message = pcall(string.rep, e, 2)
        assert(not ok and message:find('string expected'), message)
        ok, message = pcall(string.find, channel.new(), 'x')
        assert(not ok and message:find('string expected'), message)
        return true";
    let exit = simulate_program(1, source);
    assert!(exit.error.is_none(), "{exit:?}");
}

#[test]
fn moonlet_tables_are_there_when_they_are_used() {
    let source = "
        assert(require('process') == process and require('string') == string)
        local time_table = time
        time, string = nil, nil
        assert(time == nil and require('time') == time_table and require('string') == getmetatable('').__index)
        for _, name in ipairs{'errors', 'channel', 'process', 'payload'} do
            assert(type(_G[name]) == 'table' and rawget(_G, name) == require(name))
        end
        assert(select(2, pcall(require, '_G')):find(\"module '_G' not found\"))
        assert(process.id() ~= nil and type(print) == 'function')
        local ok, message = pcall(payload.new, utf8)
        assert(not ok and message:find('cannot send a function'), message)
        return true";
    let exit = simulate_program(1, source);
    assert!(exit.error.is_none(), "{exit:?}");
}

#[test]
fn interrupted_callbacks_go_on_where_they_were() {
    let source = "
        local function busy() for _ = 1, 50 do end end
        local t = {}
        for i = 1, 200 do t[i] = i * 7919 % 211 end
        table.sort(t, function(a, b) busy() coroutine.yield() return a < b end)
        for i = 2, #t do assert(t[i - 1] <= t[i]) end
        local s, n = ('abc '):rep(300):gsub('%w', function(c) busy() return c .. c end)
        assert(n == 900 and s == ('aabbcc '):rep(300))
        s, n = ('abc '):rep(2000):gsub('%w', string.upper)
        assert(n == 6000 and s == ('ABC '):rep(2000))
        local ok, e = xpcall(function() busy() time.sleep('1ms') error('x', 0) end,
            function(e) busy() return e .. '!' end)
        assert(not ok and e == 'x!')
        return true";
    for seed in 0..20 {
        let exit = simulate_program(seed, source);
        assert!(exit.error.is_none(), "seed {seed}: {exit:?}");
    }
}

#[test]
fn gsub_is_that_of_stock_lua() {
    same(&[
        "return ('hello world'):gsub('o', function(c) return c:upper() end)",
        "return ('hello'):gsub('', function() return '-' end)",
        "return ('hello'):gsub('l*', function(m) return '<' .. m .. '>' end)",
        "return ('abc'):gsub('^a', function() return nil end)",
        "return ('aaa'):gsub('^a', function() return 'b' end)",
        "return ('abc'):gsub('%w', {a = 1, b = false, c = 2.5})",
        "return ('abc'):gsub('(%w)(%w)', {a = 'x'})",
        "return ('abc'):gsub('()', function(p) return p end)",
        "return ('abc'):gsub('(a)()(b)', function(...) return select('#', ...) end)",
        "return ('abc'):gsub('%w', function() return 'x' end, 2)",
        "return ('abc'):gsub('%w', function() return 'x' end, 0)",
        "return ('abc'):gsub('%w', function() return 'x' end, -1)",
        "return ('abc'):gsub('%w', function() return 'x' end, '1')",
        "return ('abc'):gsub('%w', function() return 'x' end, 1.0)",
        "return pcall(string.gsub, 'abc', '%w', function() return 'x' end, 1.5)",
        "return pcall(string.gsub, 'abc', '%w', function() return 'x' end, 'x')",
        "return ('abc'):gsub('%w', function() return {} end)",
        "return ('abc'):gsub('%w', function() return true end)",
        "return pcall(string.gsub, 'abc', '%w', {a = {}})",
        "return ('abc'):gsub('%w', function() error('no') end)",
        "return ('abc'):gsub('(', function() end)",
        "return ('abc'):gsub('%', function() end)",
        "return ('abc'):gsub('[a', function() end)",
        "return ('abc'):gsub('%1', function() end)",
        "return pcall(string.gsub, 'abc', '(', function() end)",
        "return pcall(string.gsub, 'abc', 'b)', function() end)",
        "return string.gsub('abc', 'x)', function() end)",
        "return pcall(string.gsub), pcall(string.gsub, 'x'), pcall(string.gsub, 'x', 'x')",
        "return pcall(string.gsub, 'x', 'x', true)",
        "return pcall(string.gsub, {}, 'x', print)",
        "return pcall(string.gsub, 'x', {}, print)",
        "return string.gsub(12, 1, function() return 3 end)",
        "return ('abc'):gsub('b', '%0%0'), ('abc'):gsub('b', '%%'), pcall(string.gsub, 'a', 'a', '%2')",
        "return ('a.b'):gsub('%.', function() return '%1' end)",
        "return ('THE (quick) fox'):gsub('%((%a+)%)', string.lower)",
        "return ('THE (quick) fox'):gsub('%f[%a]%a', {T = 't', q = 'Q'})",
        "return ('x\0y'):gsub('\0', function(c) return #c end)",
        "return ('abc'):gsub('%w', setmetatable({}, {__index = function(_, k) return k .. k end}))",
        "return ('abc'):gsub('%w', setmetatable({}, {__index = {b = 'x'}}))",
        "return ('abc'):gsub('%w', setmetatable({a = 'y'}, {}))",
        "local last = setmetatable({}, {__index = function(_, k) return k .. k end})
         return ('abc'):gsub('()%w', setmetatable({'x'}, {__index = setmetatable({}, {__index = last})}))",
        "return ('abc'):gsub('%w', setmetatable({}, {__index = function() error('no', 2) end}))",
        "return ('abc'):gsub('%w', setmetatable({a = 1}, {__index = 5}))",
        "return ('abc'):gsub('%w', function(c) return (c:gsub('b', function() return 'inner' end)) end)",
        "local s = ('x'):rep(100) return s:gsub(('(x)'):rep(32), function(...) return select('#', ...) end)",
    ]);
}

#[test]
fn format_with_many_arguments_is_that_of_stock_lua() {
    same(&[
        "return string.format('%d,%d,%d,%d,%d,%d.', 1, 2, 3, 4, 5, 6)",
        "return string.format('%%%d%%%5.1f%s%%%s%q%%%x!', 1, 2, 'three', nil, 5, 6, 'more')",
        "return string.format('%s %s %s', 1, 2, 3, 4, 5, 6)",
        "return string.format('none', 1, 2, 3, 4, 5, 6)",
        "return string.format('', 1, 2, 3, 4, 5, 6)",
        "return ('%d'):rep(1000, ' '):format(table.unpack(table.move({7, 8}, 1, 2, 999,
            (function() local t = {} for i = 1, 998 do t[i] = i end return t end)())))",
        "return string.format('%d %d %d %d %d', 1, 2, 3, 4)",
        "return string.format('%d %d %d %d %d', 1, 2, 3, 4, 'x')",
        "return string.format('%d %d %d %d', 1, 2, 3, 4.5)",
        "return ('%d %d %d %d %d'):format(1, 2, 3, {}, 5)",
        "return string.format('%d %d %d %y', 1, 2, 3, 4)",
        "return string.format('%d %d %d %', 1, 2, 3, 4)",
        "return string.format('%d %d %d %123d', 1, 2, 3, 4)",
        "local t = setmetatable({}, {__tostring = function() return 'text' end})
         return string.format('%s%s%s%s%s', t, 1, 2, 3, t)",
        "local t = setmetatable({}, {__tostring = function() error('no') end})
         return string.format('%s%s%s%s', 1, 2, 3, t)",
        "local t = setmetatable({}, {__tostring = function() error({}) end})
         return type(select(2, pcall(string.format, '%s%s%s%s', 1, 2, 3, t)))",
        "local t = setmetatable({}, {__tostring = function() return 5 end})
         return string.format('%s%s%s%s', 1, 2, 3, t)",
    ]);
}

#[test]
fn load_looks_at_its_arguments_before_it_reads() {
    same(&[
        "return load(function() error('called') end, {})",
        "return load(function() error('called') end, 'name', {})",
        "return load(function() error('called') end, 'name', 'B')",
        "return load(function() error('called') end, {}, true)",
        "return load(function() error('called') end, 5, 5)",
    ]);
}

#[test]
fn sort_is_that_of_stock_lua() {
    let sorted = "table.sort(t, LESS) return table.concat(t, ' ')";
    let by = |less: &str| sorted.replace("LESS", less);
    let tables = [
        "{}",
        "{1}",
        "{2, 1}",
        "{3, 1, 2}",
        "{5, 2, 8, 2, 9, 1, 5.5, -3, 0, 7}",
        "{'b', 'a', 'C', '10', '9', ''}",
        "(function() local t = {} for i = 1, 300 do t[i] = i * 7919 % 251 end return t end)()",
        "(function() local t = {} for i = 1, 300 do t[i] = -i end return t end)()",
    ];
    for table in tables {
        for less in [
            "nil",
            "function(a, b) return a < b end",
            "function(a, b) return a > b end",
            "function(a, b) return tostring(a):sub(-1) < tostring(b):sub(-1) end",
        ] {
            same(&[&format!("local t = {table} {}", by(less))]);
        }
    }
    same(&[
        "local t = {3, 1, 2, 5, 4} table.sort(t, function() return true end)",
        "local t = {} for i = 1, 20 do t[i] = i end table.sort(t, function() return true end)",
        "local t = {1, 2, 3} return pcall(table.sort, t, function() error('no', 0) end)",
        "return pcall(table.sort, {1, 'x', 2})",
        "return pcall(table.sort, {('x'):rep(1000), 1})",
        "local t = {} for i = 1, 30 do t[i] = ('x'):rep(i % 3 * 200) .. i * 7 % 31 end
         table.sort(t) return table.concat(t, ' ')",
        "local t = {} for i = 9, 1, -1 do t[i] = 'k' .. i * 7 % 10 end
         table.sort(t) return table.concat(t, ' ')",
        "return pcall(table.sort, {{}, {}})",
        "return pcall(table.sort, {1, nil, 3})",
        "return pcall(table.sort), pcall(table.sort, 5), pcall(table.sort, {1, 2}, 5)",
        "return table.sort({}, 5), table.sort({1}, 5)",
        "return table.sort({2, 1}, nil, 'more')",
        "table.sort(setmetatable({}, {__len = function() return math.maxinteger end}))",
        "table.sort(setmetatable({}, {__len = function() return 'x' end}))",
        "local t = setmetatable({3, 2, 1}, {__len = function() return 2.0 end})
         table.sort(t) return t[1], t[2], t[3]",
        "local u = {3, 1, 2}
         local t = setmetatable({}, {__len = function() return 3 end,
            __index = function(_, k) return u[k] end, __newindex = function(_, k, v) u[k] = v end})
         table.sort(t) return u[1], u[2], u[3], rawlen(t)",
        "local m = {__lt = function(a, b) return a.v < b.v end}
         local t = {} for i = 1, 9 do t[i] = setmetatable({v = i * 5 % 7}, m) end
         table.sort(t) local s = '' for i = 1, 9 do s = s .. t[i].v end return s",
        "table.sort({2, 1}, function() error('no', 2) end)",
        "table.sort({setmetatable({}, {__lt = function() error('no', 2) end}), 1})",
        "table.sort({1, setmetatable({}, {__lt = 5})})",
        "table.sort(setmetatable({}, {__len = function() error('no', 2) end}))",
        "table.sort(setmetatable({}, {__len = 5}))",
        "local seen = {} local t = setmetatable({}, {__len = function() return 12 end,
            __index = function(_, k) return k * 7 % 12 end,
            __newindex = function(_, k, v) seen[#seen + 1] = k .. '=' .. v end})
         table.sort(t, function(a, b) return a < b end) return table.concat(seen, ' ')",
        "local function handler() return (debug.traceback('?: in main chunk', 2):gsub('\\n.-xpcall.*', '')) end
         return select(2, xpcall(table.sort, handler, {2, 1}, function() error('no') end))",
        "local t = {} for i = 1, 5000 do t[i] = i * 7919 % 5003 end table.sort(t)
         for i = 2, 5000 do if t[i - 1] > t[i] then return 'wrong' end end return 'right'",
    ]);
}

/// Pieces of patterns, put together at random: most of the results are valid. None has an
/// unfinished capture: with a table as replacement stock Lua notices it only when it is the first.
fn pattern() -> impl Strategy<Value = String> {
    let item = prop::sample::select(vec![
        "a", "b", ".", "%w", "%s", "%d", "[ab]", "[^a]", "[%w-]", "%.", "()", "(a)", "(.)",
        "(%w*)", ")", "%f[%w]", "%bab", "%1", "[", "%",
    ]);
    let suffix = prop::sample::select(vec!["", "", "", "*", "+", "-", "?"]);
    let body = prop::collection::vec((item, suffix), 0..5).prop_map(|items| {
        items.into_iter().map(|(item, suffix)| format!("{item}{suffix}")).collect::<String>()
    });
    (any::<bool>(), body, any::<bool>()).prop_map(|(start, body, end)| {
        format!("{}{body}{}", if start { "^" } else { "" }, if end { "$" } else { "" })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn gsub_equals_stock_gsub(
        subject in "[ab. 1-]{0,12}",
        pattern in pattern(),
        replacement in prop::sample::select(&REPLACEMENTS),
        n in prop::option::of(-1i64..5),
    ) {
        let n = n.map_or("nil".to_owned(), |n| n.to_string());
        let source = format!(
            "return string.gsub([==[{subject}]==], [==[{pattern}]==], {replacement}, {n})"
        );
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }

    #[test]
    fn sort_equals_stock_sort(
        numbers in prop::collection::vec(-20i64..20, 0..150),
        less in prop::sample::select(&COMPARATORS),
    ) {
        let list = numbers.iter().map(|n| format!("{{{n}}}")).collect::<Vec<_>>().join(",");
        // Each element carries its first place, so that the order of equal ones shows.
        let source = format!(
            "local t = {{{list}}}
             for i, e in ipairs(t) do e[2] = i end
             local ok, e = pcall(table.sort, t, {less})
             for i, e in ipairs(t) do t[i] = e[1] .. ':' .. e[2] end
             return ok, e, table.concat(t, ' ')"
        );
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }
}

const REPLACEMENTS: [&str; 7] = [
    "function(...) return select('#', ...) end",
    "function(c) return '<' .. tostring(c) .. '>' end",
    "function(c) if c == 'a' then return 'x' end end",
    "function(c) return c ~= 'b' and '' end",
    "function(_, ...) return ... end",
    "{a = 'x', b = false, aa = 1, [1] = 'one', [2] = 2}",
    "setmetatable({a = 'x'}, {__index = function(_, k) if k ~= 'b' then return '?' end end})",
];

/// The last two are no orders.
const COMPARATORS: [&str; 5] = [
    "function(a, b) return a[1] < b[1] end",
    "function(a, b) return a[1] // 7 > b[1] // 7 end",
    "nil",
    "function(a, b) return a[1] <= b[1] end",
    "function(a, b) return (a[1] * b[1]) % 3 == 1 end",
];

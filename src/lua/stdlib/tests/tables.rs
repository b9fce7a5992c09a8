//! `table.insert`, `remove`, `move`, `concat` and `unpack`: what stock Lua gives, at any length.

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

use super::same;
use crate::lua::testing::{TestVm, ours, simulate_program, stock};

/// Shows a table up to an index, and what a call gave.
const SHOW: &str = "
    local function show(t, ...)
        local out = {}
        for i = -3, 30 do out[#out + 1] = tostring(rawget(t, i)) end
        return table.concat(out, ' '), rawlen(t), ...
    end ";

/// What tables the calls meet. Functions that are metamethods note that they were called.
const TABLES: [&str; 12] = [
    "{}",
    "{10, 20, 30}",
    "{10, nil, 30}",
    "{'a', 2.5, 'c', 4, 'e'}",
    "setmetatable({10, 20, 30}, {})",
    "setmetatable({10, 20}, {__index = {1, 2, 3, 4, 5}})",
    "setmetatable({10, 20}, {__index = setmetatable({}, {__index = function(_, k) note('i', k) return k end})})",
    "setmetatable({10, nil, 30}, {__index = function(_, k) note('i', k) return 'i' .. k end,
        __newindex = function(t, k, v) note('n', k, v) rawset(t, k, v) end})",
    "setmetatable({10, 20, 30}, {__len = function(t, u) note('l', rawequal(t, u)) return 5 end})",
    "setmetatable({}, {__newindex = setmetatable({}, {__newindex = function(_, k, v) note('n', k, v) end}),
        __len = function() return '3' end})",
    "setmetatable({10, 20, 30}, {__len = function() return -2 end})",
    "setmetatable({10, 20, 30}, {__len = function() return 2.5 end})",
];

/// Arguments around what matters.
fn argument() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "nil",
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "-1",
        "-2",
        "2.0",
        "'2'",
        "'x'",
        "2.5",
        "true",
        "math.maxinteger",
        "math.maxinteger - 1",
        "math.mininteger",
        "math.mininteger + 1",
        "{}",
    ])
    .prop_map(str::to_owned)
}

/// Arguments with which no loop of stock Lua is long.
fn small_argument() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "nil", "0", "1", "2", "3", "4", "5", "9", "-1", "-2", "2.0", "'2'", "'x'", "2.5", "true",
    ])
    .prop_map(str::to_owned)
}

/// Runs a call that may fail: the table, the result or the error, and the metamethods that ran.
fn call(table: &str, call: &str) -> String {
    format!(
        "local notes = {{}}
         local function note(...) for _, v in ipairs{{...}} do notes[#notes + 1] = tostring(v) end end
         {SHOW}
         local t = {table}
         local function run() return {call} end
         return show(t, table.concat(notes, ','), pcall(run))"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn insert_equals_stock_insert(
        table in prop::sample::select(&TABLES),
        arguments in prop::collection::vec(small_argument(), 0..4),
    ) {
        let arguments = arguments.iter().map(|a| format!(", {a}")).collect::<String>();
        let source = call(table, &format!("table.insert(t{arguments})"));
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }

    #[test]
    fn remove_equals_stock_remove(
        table in prop::sample::select(&TABLES),
        at in prop::option::of(small_argument()),
    ) {
        let at = at.map_or(String::new(), |at| format!(", {at}"));
        let source = call(table, &format!("table.remove(t{at})"));
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }

    #[test]
    fn move_equals_stock_move(
        table in prop::sample::select(&TABLES),
        target in prop::sample::select(&TABLES),
        to_target in any::<bool>(),
        are_equal in any::<bool>(),
        (first, last, to) in (small_argument(), small_argument(), argument()),
    ) {
        let target = if to_target { target } else { "nil" };
        let equal = if are_equal {
            "if u then
                local m = getmetatable(u) or {}
                m.__eq = function() note('eq') return true end
                setmetatable(u, m)
            end"
        } else {
            ""
        };
        let call = call(table, &format!(
            "(function()
                local u = {target}
                {equal}
                local got = table.move(t, {first}, {last}, {to}, u)
                return rawequal(got, t), rawequal(got, u), show(got)
            end)()"
        ));
        prop_assert_eq!(ours(&call), stock(&call), "{}", call);
    }

    #[test]
    fn concat_equals_stock_concat(
        table in prop::sample::select(&TABLES),
        separator in prop::sample::select(vec!["nil", "', '", "7", "''", "{}", "true"]),
        [first, last] in [small_argument(), small_argument()],
    ) {
        let source = call(table, &format!("table.concat(t, {separator}, {first}, {last})"));
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }

    #[test]
    fn unpack_equals_stock_unpack(
        table in prop::sample::select(&TABLES),
        [first, last] in [small_argument(), small_argument()],
    ) {
        let source = call(table, &format!("table.unpack(t, {first}, {last})"));
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }

    #[test]
    fn long_moves_equal_those_of_stock(
        n in 900usize..3500,
        [first, last, to] in [1i64..3600, 1i64..3600, -50i64..3600],
        at in 1usize..900,
        in_place in any::<bool>(),
        meets_metamethods in any::<bool>(),
    ) {
        let meta = if meets_metamethods {
            "setmetatable(t, {__index = function(_, k) return -k end,
                __newindex = function(t, k, v) rawset(t, k, v) end})"
        } else {
            ""
        };
        let target = if in_place { "t" } else { "{}" };
        let source = format!(
            "local t = {{}}
             for i = 1, {n} do t[i] = i end
             {meta}
             local sum = 0
             local function add(t) for i = -60, 7300 do sum = (sum * 31 + (rawget(t, i) or 7)) % 1000003 end end
             table.insert(t, {at}, -1) add(t)
             local gone = table.remove(t, {at} // 2 + 1) add(t)
             add(table.move(t, {first}, {last}, {to}, {target}))
             return sum, gone, #t, rawlen(t), select(2, pcall(table.concat, t, '-')), select('#', table.unpack(t))"
        );
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }
}

#[test]
fn errors_are_those_of_stock_lua() {
    same(&[
        "return pcall(table.insert), pcall(table.insert, {}), pcall(table.insert, 5, 1)",
        "local t = {} t:insert(5)",
        "table.insert({1, 2, 3}, 5, 'x')",
        "table.insert({1, 2, 3}, 0, 'x')",
        "table.insert({1, 2, 3}, 1, 2, 3)",
        "table.insert({1, 2, 3})",
        "table.insert(nil, 3)",
        "table.insert('x', 3)",
        "local m = setmetatable({}, {__len = function() return 3 end}) table.insert(m, 5, 'x')",
        "local m = setmetatable({}, {__len = function() return 3 end}) table.insert(m)",
        "local m = setmetatable({}, {__len = function() return 3 end}) table.remove(m, 5)",
        "local m = setmetatable({}, {__len = function() return {} end}) table.insert(m, 5)",
        "local m = setmetatable({}, {__len = 5}) table.insert(m, 5)",
        "local m = setmetatable({}, {__index = 5}) return table.unpack(m, 1, 2)",
        "local m = setmetatable({}, {__newindex = 5}) table.insert(m, 5)",
        "local m = setmetatable({}, {}) getmetatable(m).__index = m return table.unpack(m, 1, 2)",
        "local m = setmetatable({}, {}) getmetatable(m).__newindex = m table.insert(m, 2)",
        "local m = setmetatable({}, {__index = function() error('no') end}) table.unpack(m, 1, 2)",
        "local m = setmetatable({}, {__index = function() error('no', 2) end}) table.concat(m, '', 1, 2)",
        "table.remove({1, 2, 3}, 5)",
        "table.remove({1, 2, 3}, 'x')",
        "return table.remove({1, 2, 3}, 4), table.remove({}, 0), table.remove({}), table.remove({[0] = 1}, 0)",
        "return pcall(table.remove, {}, 2), pcall(table.remove, {}, -1), pcall(table.remove)",
        "table.move({}, 1, math.maxinteger, 2)",
        "table.move({}, -1, math.maxinteger, 2)",
        "table.move({}, math.mininteger, -1, 2)",
        "table.move({}, 1, 2, math.maxinteger)",
        "table.move({}, 1, 2)",
        "table.move({}, 1, 'x', 2)",
        "table.move({}, 1, 2, 3, 4)",
        "local t = table.move({1, 2, 3}, 1, 3, math.maxinteger - 2) return t[math.maxinteger], #t",
        "local t = table.move({[math.maxinteger] = 1}, math.maxinteger, math.maxinteger, 2) return t[2]",
        "local t = setmetatable({}, {__index = function(_, k) return k end})
         local u = table.move(t, math.maxinteger - 1, math.maxinteger, 1) return u[1], u[2]",
        "local t = setmetatable({}, {__index = function(_, k) return k end})
         return table.unpack(t, math.maxinteger - 1, math.maxinteger)",
        "return table.unpack({}, math.maxinteger, math.maxinteger)",
        "local t = setmetatable({}, {__index = function(_, k) return k % 10 end})
         return table.concat(t, ',', math.maxinteger - 3, math.maxinteger)",
        "return table.concat({}, ',', math.maxinteger, math.mininteger)",
        "table.concat({1, {}, 3})",
        "table.concat({1, 2, nil, 4}, ',', 1, 4)",
        "table.concat({1, 2}, {})",
        "table.concat({1, 2}, ',', {})",
        "table.concat(5)",
        "table.concat()",
        "local t = {} for i = 1, 5000 do t[i] = 'x' end t[3333] = true table.concat(t)",
        "table.unpack({}, 1, 1e8)",
        "table.unpack({}, math.mininteger, math.maxinteger)",
        "table.unpack({}, 1, math.maxinteger)",
        "table.unpack({}, 1, {})",
        "table.unpack()",
        "table.unpack(5)",
        "return pcall(table.unpack, 5, 1, 2), table.unpack(5, 2, 1)",
        "return table.unpack('abc')",
    ]);
}

#[test]
fn long_results_are_those_of_stock_lua() {
    same(&[
        "return select('#', table.unpack({}, 1, 150000)), (select(-1, table.unpack({}, -2000, 1)))",
        "local t = {} for i = 1, 200000 do t[i] = i end return select(199999, table.unpack(t))",
        "local t = {} for i = 1, 30000 do t[i] = i % 7 == 0 and i * 0.5 or 'e' .. i end
         local s = table.concat(t, ', ') local sum = 0
         for i = 1, #s do sum = (sum * 31 + s:byte(i)) % 1000003 end return #s, sum",
        "local long = ('abc'):rep(30000) local t = {long, 1, long, '', long}
         local s = table.concat(t, long) return #s, s == ('abc'):rep(30000 * 3) .. 1 .. ('abc'):rep(30000 * 3) .. ('abc'):rep(30000 * 2), s:sub(90001, 90010)",
        "return #table.concat({('x'):rep(100000)}), #table.concat({'', ('x'):rep(100000), ''}, '')",
        "local t = setmetatable({}, {__index = function(_, k) return k end, __len = function() return 30000 end})
         local s = table.concat(t) return #s, s:sub(-20)",
        "local t = setmetatable({}, {__index = function(_, k) return '' end})
         return table.concat(t, '', 1, 3000), #table.concat(t, '-', 1, 3000)",
    ]);
}

#[test]
fn metamethods_of_table_functions_may_wait() {
    let table = "local u = {1, 2, 3}
        local t = setmetatable({}, {
            __len = function() return wait(#u) end,
            __index = function(_, k) return wait(u[k]) end,
            __newindex = function(_, k, v) u[k] = wait(v) end,
            __eq = function() return wait(true) end,
        }) ";
    let cases = [
        ("table.insert(t, 'x') return table.unpack(u)", "1, 2, 3, x", 2),
        ("table.insert(t, 2, 'x') return table.unpack(u)", "1, x, 2, 3", 6),
        ("return table.remove(t, 1), table.unpack(u)", "1, 2, 3", 7),
        ("return table.concat(t, '-')", "1-2-3", 4),
        ("return table.unpack(t)", "1, 2, 3", 4),
        ("return unpack(t, 2, 3)", "2, 3", 3),
        ("table.move(t, 1, 3, 2) return table.unpack(u)", "1, 1, 2, 3", 6),
        (
            "local v = setmetatable({}, getmetatable(t))
          return table.move(t, 1, 2, 2, v) == v, table.unpack(u)",
            "true, 1, 1, 2",
            5,
        ),
    ];
    for (source, want, n_waits) in cases {
        let source = format!("{table}{source}");
        let got = TestVm::with({
            let source = source.clone();
            move |vm| vm.run_counted(&source)
        });
        assert_eq!(got, (want.to_owned(), n_waits), "{source}");
        assert_eq!(stock(&format!("unpack = table.unpack {source}")), want, "{source}");
    }
}

#[test]
fn interrupted_loops_over_tables_go_on_where_they_were() {
    let source = "
        local t = {}
        for i = 1, 5000 do t[i] = i end
        for _ = 1, 20 do table.insert(t, 2, 'x') end
        assert(#t == 5020 and t[1] == 1 and t[2] == 'x' and t[22] == 2 and t[5020] == 5000)
        for _ = 1, 20 do assert(table.remove(t, 2) == 'x') end
        for i = 1, 5000 do assert(t[i] == i) end
        local u = table.move(t, 1, 5000, 4001, table.move(t, 1, 5000, 1, {}))
        for i = 1, 9000 do assert(u[i] == (i > 4000 and i - 4000 or i)) end
        local s = table.concat(t, ',')
        local n = 0
        for number in s:gmatch('%d+') do n = n + 1 assert(tonumber(number) == n) end
        assert(n == 5000 and select('#', table.unpack(u)) == 9000)
        local v = setmetatable({}, {__index = t, __len = function() coroutine.yield() return 3000 end})
        coroutine.wrap(function() assert(select('#', table.unpack(v)) == 3000) end)()
        return true";
    for seed in 0..20 {
        let exit = simulate_program(seed, source);
        assert!(exit.error.is_none(), "seed {seed}: {exit:?}");
    }
}

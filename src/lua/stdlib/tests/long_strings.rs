//! Functions on long strings: what stock Lua gives, at any length.

use proptest::prelude::{ProptestConfig, prop, prop_assert_eq, proptest};

use super::same;
use crate::lua::testing::{ours, simulate_program, stock};

/// A checksum of a string, so that differences show wherever they are.
const SUM: &str = "
    local function sum(s)
        local sum = 0
        for at = 1, #s, 4000 do
            for _, byte in ipairs{s:byte(at, math.min(at + 3999, #s))} do
                sum = (sum * 31 + byte) % 1000003
            end
        end
        return #s, sum
    end ";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn rep_equals_stock_rep(
        subject in 0usize..3000,
        separator in prop::option::of(0usize..3000),
        n in -2i64..200,
    ) {
        let text = |n: usize| (0..n).map(|at| char::from(b'a' + (at % 23) as u8)).collect::<String>();
        let separator = separator.map_or("nil".to_owned(), |n| format!("'{}'", text(n)));
        let subject = text(subject);
        let source = format!("{SUM} return sum(string.rep('{subject}', {n}, {separator}))");
        prop_assert_eq!(ours(&source), stock(&source), "{} {} {}", subject.len(), separator.len(), n);
    }

    #[test]
    fn bytewise_functions_equal_those_of_stock(n in 16_000usize..200_000, seed in 1usize..200) {
        let source = format!(
            "{SUM}
             local t = {{}}
             for i = 1, {n} do t[i] = string.char(i * {seed} % 256) end
             local s = table.concat(t)
             local a, b = sum(s:upper())
             local c, d = sum(s:lower())
             return a, b, c, d, sum(s:reverse())"
        );
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }

    #[test]
    fn utf8_functions_equal_those_of_stock(
        unit in prop::sample::select(&UNITS),
        broken in prop::option::of((0usize..200_000, prop::sample::select(vec!["\\x80", "\\xff", "\\xc3", "\\xed\\xa0\\x80"]))),
        [first, last, n] in [-200_010i64..200_010, -200_010i64..200_010, -150_000i64..150_000],
        lax in prop::sample::select(vec!["nil", "true"]),
    ) {
        let breaks = broken.map_or(String::new(), |(at, with)| {
            format!("s = s:sub(1, {at}) .. '{with}' .. s:sub({at} + 1)")
        });
        let source = format!(
            "local s = ('{unit}'):rep(200000 // #'{unit}')
             {breaks}
             local results = {{}}
             local function add(...) results[#results + 1] = tostring((...)) .. ':' .. tostring((select(2, ...))) end
             add(pcall(utf8.len, s))
             add(utf8.len(s, 1, -1, {lax}))
             add(pcall(utf8.len, s, {first}, {last}, {lax}))
             add(select(2, pcall(utf8.len, s, {first}, {last}, {lax})))
             add(select(2, pcall(utf8.offset, s, {n})))
             add(select(2, pcall(utf8.offset, s, {n}, {first})))
             add(select(2, pcall(utf8.offset, s, 0, {first})))
             add(select(2, pcall(utf8.offset, s, 1, {first})))
             return table.concat(results, ' ')"
        );
        prop_assert_eq!(ours(&source), stock(&source), "{}", source);
    }
}

/// Characters of one to six bytes, and bytes that begin none.
const UNITS: [&str; 6] = [
    "abc",
    "a\\xc3\\xa4",
    "\\xe2\\x82\\xac",
    "x\\xf0\\x9f\\x98\\x80",
    "\\xfd\\xbf\\xbf\\xbf\\xbf\\xbf",
    "\\x80",
];

#[test]
fn errors_are_those_of_stock_lua() {
    same(&[
        "('x'):rep(math.maxinteger)",
        "('xy'):rep(math.maxinteger // 2 + 1)",
        "return pcall(string.rep, ('x'):rep(20000), math.maxinteger)",
        "return pcall(string.rep), pcall(string.rep, {}, 2), pcall(string.rep, 'x', 'y')",
        "return pcall(string.rep, 'x', 1e5, {}), pcall(string.rep, 'x', 1.5), #('x'):rep('20000')",
        "return #string.rep(12, 20000, 3), #string.rep('', 20000, 'ab'), #('x'):rep(0, 'y'), ('x'):rep(1)",
        "return pcall(string.upper), pcall(string.reverse, {}), (1.5):reverse ~= nil",
        "return string.upper(15), string.reverse(15), #string.lower(('X'):rep(20000), 5)",
        "local s = ('x'):rep(20000) return pcall(utf8.len, s, 0), pcall(utf8.len, s, 20002)",
        "local s = ('x'):rep(20000) return pcall(utf8.len, s, 1, 20001), pcall(utf8.len, s, 'x')",
        "local s = ('x'):rep(20000) return utf8.len(s, 20001), utf8.len(s, 5, 4), utf8.len(s, '2', -2.0)",
        "local s = ('\\x80'):rep(20000) return pcall(utf8.offset, s, 1), pcall(utf8.offset, s, 0), utf8.len(s)",
        "local s = ('x'):rep(20000) return pcall(utf8.offset, s), pcall(utf8.offset, s, 1, 0)",
        "local s = ('x'):rep(20000)
         return utf8.offset(s, 20001), utf8.offset(s, 20002), utf8.offset(s, -20000), utf8.offset(s, -20001)",
        "local s = ('x'):rep(20000)
         return utf8.offset(s, math.mininteger), utf8.offset(s, math.maxinteger), utf8.offset(s, 0, 20001)",
    ]);
    assert_eq!(
        ours("return ('').rep('', math.maxinteger)"),
        "",
        "which never ends in some releases"
    );
}

#[test]
fn long_results_are_ordinary_strings() {
    same(&[
        "local s = ('ab'):rep(20000) local t = {[s] = 1} return t[('abab'):rep(10000)], s == s:lower()",
        "local s = ('ab'):rep(20000) return s < s .. 'x', s:sub(-3), s:byte(39999), #(s .. s), s:find('ba', 1, true)",
        "local s = ('12'):rep(10000) return #s:upper(), tonumber(s:sub(1, 5)), s:reverse():sub(1, 4)",
        "local n = 0 for i = 1, 300 do n = n + #(('x'):rep(100000 + i)) end collectgarbage() return n",
    ]);
}

#[test]
fn interrupted_loops_over_strings_go_on_where_they_were() {
    let source = "
        local s = ('Moon '):rep(60000, '-')
        assert(#s == 359999 and s:sub(-11) == 'Moon -Moon ' and s:gsub('Moon %-', '') == 'Moon ')
        assert(s:upper():lower():gsub('m', 'M') == s and s:reverse():reverse() == s)
        assert(utf8.len(('\\u{20ac}'):rep(100000)) == 100000)
        assert(utf8.offset(('\\u{20ac}'):rep(100000), 90001) == 270001)
        return true";
    for seed in 0..8 {
        let exit = simulate_program(seed, source);
        assert!(exit.error.is_none(), "seed {seed}: {exit:?}");
    }
}

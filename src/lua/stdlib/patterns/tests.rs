//! Patterns as Lua code sees them. A stretch is short here, so that most calls pause.

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::check::check;
use crate::lua::testing::{ours, simulate_program, stock};

/// As many cases, unless `PROPTEST_CASES` says otherwise.
fn cases(n: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(n),
    }
}

/// Pieces of patterns, put together at random: about half of the results are valid.
fn pattern() -> impl Strategy<Value = Vec<u8>> {
    let item = prop::sample::select(vec![
        "a", "b", ".", "%w", "%S", "%a", "[ab]", "[^a]", "[%w-]", "[b-]", "[]a]", "[a-b%s]", "%.",
        "()", "(", ")", "(a)", "(.)", "(%w*)", "%f[%w]", "%f[^b]", "%bab", "%b", "%1", "%2", "%0",
        "[", "[%", "%", "%f", "$", "^", "-", "\0", "%z",
    ]);
    let suffix = prop::sample::select(vec!["", "", "", "", "*", "+", "-", "?"]);
    let pieces = prop::collection::vec((item, suffix), 0..7);
    let pieces = pieces.prop_map(|pieces| {
        pieces.into_iter().flat_map(|(item, suffix)| [item, suffix]).collect::<String>()
    });
    let pieces = (any::<bool>(), pieces, any::<bool>()).prop_map(|(start, body, end)| {
        format!("{}{body}{}", if start { "^" } else { "" }, if end { "$" } else { "" }).into_bytes()
    });
    prop_oneof![4 => pieces, 1 => "[ab%.*()+?^\\[\\]$1-]{0,10}".prop_map(String::into_bytes)]
}

proptest! {
    #![proptest_config(cases(4096))]

    #[test]
    fn patterns_are_those_of_stock_lua(
        subject in "[ab. \0-]{0,14}",
        pattern in pattern(),
        init in -9i64..12,
        n in -1i64..9,
    ) {
        check(subject.as_bytes(), &pattern, init, n);
    }
}

#[test]
fn each_class_has_the_bytes_of_stock_lua() {
    for letter in 0..=255u8 {
        let source = format!(
            "local class = '%' .. string.char({letter})
             if ('bf0123456789'):find(class:sub(2), 1, true) then return 0 end
             local s = ''
             for byte = 0, 255 do
                 local c = string.char(byte)
                 if c:find('^' .. class) then s = s .. byte .. ' ' end
                 if c:find('[x' .. class .. ']') then s = s .. byte .. ' ' end
             end
             return s"
        );
        assert_eq!(ours(&source), stock(&source), "{letter}");
    }
}

#[test]
fn arguments_are_checked_as_in_stock_lua() {
    let calls = [
        "",
        "'a'",
        "nil, 'a'",
        "'a', nil",
        "{}, 'a'",
        "'a', {}",
        "print, 'a'",
        "'a', true",
        "12, 2",
        "'a', 'a', {}",
        "'a', 'a', 'x'",
        "'a', 'a', 1.5",
        "'a', 'a', '1.5'",
        "'aa', 'a', '2'",
        "'aa', 'a', 2.0",
        "'abc', '', 0",
        "'abc', '', -1",
        "'abc', '', -9",
        "'abc', '', 4",
        "'abc', '', 5",
        "'abc', '', math.mininteger",
        "'abc', '', math.maxinteger",
        "'abc', 'b', nil, true",
        "'a.c', '.', 2, true",
        "'abc', 'b', 1, false",
        "setmetatable({}, {__name = 'Thing'}), 'a'",
        "'a', 'a', setmetatable({}, {__name = 'T'})",
    ];
    let mut snippets = Vec::new();
    for call in calls {
        for name in ["find", "match", "gmatch", "gsub"] {
            snippets.push(format!("return pcall(string.{name}, {call})"));
            snippets.push(format!("local r = string.{name}({call}) return type(r)"));
        }
    }
    for more in [
        "'a', 'a', 'b', {}",
        "'a', 'a', 'b', 'x'",
        "'a', 'a', true, 'x'",
        "'a', 'a', 'b', 1.5",
        "'aaa', 'a', 'b', '2'",
        "'aaa', 'a', 1",
        "'aaa', 'a', 1.5, -3",
        "'aaa', 'a', 'b', nil, 7",
    ] {
        snippets.push(format!("return pcall(string.gsub, {more})"));
    }
    for statement in [
        "local s = ('x'):find()",
        "local s = ('x'):match({})",
        "local s = ('x'):gmatch()",
        "local s = ('x'):gsub('x')",
        "local s = ('x'):find('x', {})",
        "local s = ('x'):gsub('x', 'y', {})",
        "local s = ('a'):find('%')",
        "local s = ('a'):match('(')",
        "local s = ('a'):gsub('a', '%')",
        "local s = ('a'):gsub('a', '%2')",
        "local s = ('a'):gsub('a', {a = {}})",
        "local s = ('a'):match(('(a'):rep(40))",
        "local s = (('a'):rep(300)):match(('a?'):rep(300))",
        "for _ in ('a'):gmatch('[') do end",
        "for _ in ('a'):gmatch('a)') do end",
    ] {
        snippets.push(statement.to_owned());
    }
    let differ = |source: &&String| ours(source) != stock(source);
    let shown = snippets.iter().filter(differ);
    let shown = shown.map(|source| format!("{source}\n {}\n {}", ours(source), stock(source)));
    let shown = shown.collect::<Vec<_>>();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn large_results_are_those_of_stock_lua() {
    for source in [
        "return (('a'):rep(5000):gsub('a', 'bcd')) == ('bcd'):rep(5000)",
        "return (('a'):rep(500):gsub('a', ('b'):rep(100))) == ('b'):rep(50000)",
        "return (('ab'):rep(500):gsub('%w', function(c) return c:rep(70) end)):sub(-200)",
        "return (('ab'):rep(500):gsub('%w', {a = ('x'):rep(40), b = 'y'})):sub(1, 200)",
        "return (('ab '):rep(500):gsub('%w+', '%0%0%%')):sub(-200)",
        "return (('ab '):rep(500)):find(('ab '):rep(300) .. '$')",
        "return (('ab '):rep(500) .. 'c'):find(('ab '):rep(300) .. 'c', 1, true)",
        "local n = 0 for w in (('ab '):rep(500)):gmatch('%w+') do n = n + #w end return n",
        "local t = {} for a, b in (('k=v,'):rep(99)):gmatch('(%w)=(%w)') do t[#t + 1] = a .. b end
         return table.concat(t)",
        "return (('x'):rep(100)):gsub('()x', '%1,')",
    ] {
        assert_eq!(ours(source), stock(source), "{source}");
    }
}

#[test]
fn an_iterator_may_be_used_by_several_coroutines_at_once() {
    let source = "
        local next, seen = ('a b c d '):rep(50):gmatch('(%w) '), {}
        local function take()
            for c in next do seen[#seen + 1] = c coroutine.yield() end
        end
        local one, other = coroutine.wrap(take), coroutine.wrap(take)
        for _ = 1, 100 do one() other() end
        assert(table.concat(seen) == ('abcd'):rep(50))";
    for seed in 0..5 {
        let exit = simulate_program(seed, source);
        assert!(exit.error.is_none(), "{exit:?}");
    }
}

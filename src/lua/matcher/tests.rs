//! The laws of the matcher alone. That it is stock Lua's is tested where Lua is, in
//! `stdlib/patterns/tests.rs`.

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

use super::{Captured, Caret, Fault, Matcher, PlainSearch, Progress, State, is_plain};

/// What came of a match, with all that can be asked of it.
type Outcome = Result<Option<(usize, usize, Vec<Result<String, Fault>>)>, Fault>;

fn outcome(matcher: &Matcher<'_>, progress: Result<Progress, Fault>) -> Outcome {
    match progress? {
        Progress::OutOfBudget => panic!("there was enough"),
        Progress::Failed => Ok(None),
        Progress::Matched => {
            let (start, end) = matcher.span();
            let captures = (0..matcher.n_captures().max(1)).map(|n| {
                matcher.capture(n).map(|captured| match captured {
                    Captured::Bytes(bytes) => bytes.escape_ascii().to_string(),
                    Captured::Position(at) => format!("@{at}"),
                })
            });
            Ok(Some((start, end, captures.collect())))
        }
    }
}

/// The first match from the beginning on.
fn matched(subject: &str, pattern: &str) -> Outcome {
    let mut matcher = Matcher::new(subject.as_bytes(), pattern.as_bytes(), Caret::Anchor, 0, None);
    let progress = matcher.run(&mut { usize::MAX });
    outcome(&matcher, progress)
}

#[track_caller]
fn gives(subject: &str, pattern: &str, captures: &[&str]) {
    let expected = captures.iter().map(|text| Ok((*text).to_owned())).collect::<Vec<_>>();
    let (_, _, found) = matched(subject, pattern).unwrap().unwrap();
    assert_eq!(found, expected, "{subject} {pattern}");
}

#[track_caller]
fn fails(subject: &str, pattern: &str) {
    assert_eq!(matched(subject, pattern), Ok(None), "{subject} {pattern}");
}

#[test]
fn each_kind_of_item_matches_what_it_stands_for() {
    gives("hello world", "o w", &["o w"]);
    gives("hello", "l+", &["ll"]);
    gives("hello", "l-o", &["llo"]);
    gives("aXb", "%u", &["X"]);
    gives("key = value", "^(%w+)%s*=%s*(%w+)$", &["key", "value"]);
    gives("f(a(b)c)d", "%b()", &["(a(b)c)"]);
    gives("THE (quick) fox", "%f[%a]%a+%f[%A]", &["THE"]);
    gives("abcabc", "(abc)%1", &["abc"]);
    gives("abc", "b()", &["@2"]);
    gives("a]b", "[]]", &["]"]);
    gives("x-y", "[a%-]", &["-"]);
    gives("\0a\0", "%z(a)%z", &["a"]);
    gives("tt", "(t?)t(t?)", &["t", ""]);
    fails("abc", "^b");
    fails("abc", "b$");
    fails("(()", "^%b()");
    fails("aab", "(a)()%2");
}

#[test]
fn faults_show_only_where_the_matcher_gets_to_them() {
    assert_eq!(matched("a", "%"), Err(Fault::EndsWithPercent));
    assert_eq!(matched("a", "[a"), Err(Fault::MissingBracket));
    assert_eq!(matched("a", "%b("), Err(Fault::MissingBalance));
    assert_eq!(matched("a", "%fa"), Err(Fault::MissingFrontierSet));
    assert_eq!(matched("a", "a)"), Err(Fault::NothingToClose));
    assert_eq!(matched("a", "%1"), Err(Fault::NoCapture(1)));
    assert_eq!(matched("a", "%0"), Err(Fault::NoCapture(0)));
    assert_eq!(matched("a", "(a%1)"), Err(Fault::NoCapture(1)));
    assert_eq!(matched("a", &"(".repeat(33)), Err(Fault::TooManyCaptures));
    for pattern in ["b%", "b[a", "b%b(", "b%fa", "b)", "b%1"] {
        fails("a", pattern);
    }
    let (_, _, captures) = matched("a", "(a").unwrap().unwrap();
    assert_eq!(captures, [Err(Fault::Unfinished)]);
}

#[test]
fn a_pattern_is_too_complex_when_it_needs_one_choice_too_many() {
    let subject = "a".repeat(300);
    assert!(matched(&subject, &"a?".repeat(199)).is_ok());
    assert_eq!(matched(&subject, &"a?".repeat(200)), Err(Fault::TooComplex));
    // Without a byte to take there is no choice.
    assert!(matched(&subject, &"b?".repeat(200)).is_ok());
}

#[test]
fn an_empty_match_where_the_last_one_ended_is_none() {
    let mut matcher = Matcher::new(b"ab", b"%a*", Caret::Literal, 0, None);
    assert_eq!(matcher.run(&mut 100), Ok(Progress::Matched));
    assert_eq!(matcher.span(), (0, 2));
    matcher.go_on();
    assert_eq!(matcher.run(&mut 100), Ok(Progress::Failed));
    let mut matcher = Matcher::new(b"ab", b"x*", Caret::Literal, 0, None);
    for at in 0..=2 {
        assert_eq!(matcher.run(&mut 100), Ok(Progress::Matched));
        assert_eq!(matcher.span(), (at, at));
        matcher.go_on();
    }
    assert_eq!(matcher.run(&mut 100), Ok(Progress::Failed));
}

#[test]
fn a_caret_may_be_a_byte_like_any_other() {
    let mut matcher = Matcher::new(b"a^b", b"^b", Caret::Literal, 0, None);
    assert_eq!(matcher.run(&mut 100), Ok(Progress::Matched));
    assert_eq!(matcher.span(), (1, 3));
}

#[test]
fn no_step_is_long() {
    // Both in the like proportion.
    let (len, budget) = if cfg!(miri) { (1 << 14, 16) } else { (1 << 20, 1000) };
    let subject = "a".repeat(len);
    for pattern in [".-b", "a*b", "[ab]-c", "%bab", "(a*)%1b", "b", "%d", "[b]", "a-b"] {
        let mut matcher =
            Matcher::new(subject.as_bytes(), pattern.as_bytes(), Caret::Anchor, 0, None);
        let mut n_runs = 0;
        while n_runs < 4 && matcher.run(&mut { budget }) == Ok(Progress::OutOfBudget) {
            n_runs += 1;
        }
        assert_eq!(n_runs, 4, "{pattern}");
        assert!(matcher.save().len() < 8 << 10);
    }
}

/// Pieces of patterns, put together at random; most of the results are valid.
fn pattern() -> impl Strategy<Value = String> {
    let item = prop::sample::select(vec![
        "a", "b", ".", "%w", "%s", "[ab]", "[^a]", "[a-b%s]", "()", "(", ")", "(a", "(.)", "(%w*)",
        "%f[%w]", "%bab", "%1", "%2", "[", "%", "$", "^", "ab", "]",
    ]);
    let suffix = prop::sample::select(vec!["", "", "", "*", "+", "-", "?"]);
    let items = prop::collection::vec((item, suffix), 0..7);
    items.prop_map(|items| items.into_iter().flat_map(|(item, suffix)| [item, suffix]).collect())
}

/// All matches of a pattern, one after the other.
fn all(
    subject: &str,
    pattern: &str,
    caret: Caret,
    mut run: impl for<'a> FnMut(&mut Matcher<'a>, &'a [u8], &'a [u8]) -> Result<Progress, Fault>,
) -> Vec<Outcome> {
    let (subject, pattern) = (subject.as_bytes(), pattern.as_bytes());
    let mut matcher = Matcher::new(subject, pattern, caret, 0, None);
    let mut outcomes = Vec::new();
    loop {
        let progress = run(&mut matcher, subject, pattern);
        outcomes.push(outcome(&matcher, progress));
        if !matches!(outcomes.last(), Some(Ok(Some(_)))) || matcher.is_anchored() {
            return outcomes;
        }
        matcher.go_on();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 32 } else { 2048 }))]

    #[test]
    fn a_match_that_was_interrupted_is_the_match_that_was_not(
        subject in "[ab ]{0,40}",
        pattern in pattern(),
        budget in 1usize..9,
        is_anchor in any::<bool>(),
    ) {
        let caret = if is_anchor { Caret::Anchor } else { Caret::Literal };
        let whole = all(&subject, &pattern, caret, |matcher, _, _| matcher.run(&mut { usize::MAX }));
        let pieces = all(&subject, &pattern, caret, |matcher, subject, pattern| loop {
            let progress = matcher.run(&mut { budget });
            if progress != Ok(Progress::OutOfBudget) {
                return progress;
            }
            let saved = matcher.save();
            assert_eq!(State::restore(&saved), matcher.state);
            *matcher = Matcher::restore(subject, pattern, caret, &saved);
        });
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn a_plain_search_finds_the_first_occurrence(
        subject in "[ab]{0,300}",
        text in prop_oneof_texts(),
        from in 0usize..20,
        budget in 1usize..40,
    ) {
        let from = from.min(subject.len());
        let expected = subject[from..].find(&text).map(|at| from + at);
        let (subject, text) = (subject.as_bytes(), text.as_bytes());
        let mut search = PlainSearch::new(subject, text, (from, 0));
        let found = loop {
            match search.run(&mut { budget }) {
                Progress::OutOfBudget => search = PlainSearch::new(subject, text, search.place()),
                Progress::Matched => break Some(search.place().0),
                Progress::Failed => break None,
            }
        };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_pattern_without_specials_matches_itself(subject in "[ab)\\]]{0,9}", text in "[ab\\]]{0,3}") {
        assert!(is_plain(text.as_bytes()));
        let span = matched(&subject, &text).unwrap().map(|(start, _, _)| start);
        prop_assert_eq!(span, subject.find(&text));
    }
}

/// Short texts, and such that are longer than a head.
fn prop_oneof_texts() -> impl Strategy<Value = String> {
    (prop::sample::select(vec![0, 1, 2, 70, 130]), any::<bool>())
        .prop_map(|(n, ends)| format!("{}{}", "a".repeat(n), if ends { "b" } else { "" }))
}

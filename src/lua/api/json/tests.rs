//! The laws of JSON texts, told in Lua, and a round trip of any value.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::lua::api::testing::TestVm;

fn vm() -> TestVm {
    let vm = TestVm::new();
    vm.set_global("json", open);
    vm.run(
        r#"
        function invalid(text, v, e)
            assert(v == nil and e:kind() == "Invalid" and tostring(e) == text, tostring(e))
        end
        function is(text, v) assert(json.encode(v) == text, json.encode(v)) end
        "#,
    );
    vm
}

#[test]
fn values_have_their_texts() {
    vm().run(
        r#"
        is("null", nil) is("true", true) is("1", 1) is("1.0", 1.0) is("-0.0", -0.0) is("0.1", 0.1)
        is("-9223372036854775808", math.mininteger) is("9223372036854775807", math.maxinteger)
        is("9007199254740993", (1 << 53) + 1)
        is('"a\\"\\\\\\n\\u0001\u{e4}"', 'a"\\\n\1\u{e4}')
        is("[]", {}) is("[1,2,[3]]", { 1, 2, { 3 } }) is('{"a":{"b":[]},"c":1}', { c = 1, a = { b = {} } })
        local shared = { 1 }
        is("[[1],[1]]", { shared, shared })
        assert(json.encode() == "null")
        "#,
    );
}

#[test]
fn many_keys_are_in_order() {
    vm().run(
        r#"
        local object, keys = {}, {}
        for n = 1, 5000 do
            local key = ("%x"):format(n * 7919 % 5003)
            object[key], keys[n] = n, key
        end
        table.sort(keys)
        for n, key in ipairs(keys) do keys[n] = ('"%s":%d'):format(key, object[key]) end
        is("{" .. table.concat(keys, ",") .. "}", object)
        "#,
    );
}

#[test]
fn what_has_no_text_is_told_with_its_place() {
    vm().run(
        r#"
        invalid("cannot encode a function (argument 1.a[2])", json.encode { a = { 1, print } })
        invalid("cannot encode a function (argument 1)", json.encode(print))
        invalid("cannot encode the number NaN (argument 1[1])", json.encode { 0/0 })
        invalid("cannot encode the number -inf (argument 1)", json.encode(-1/0))
        invalid("cannot encode a table with a boolean as key (argument 1.x)", json.encode { x = { [true] = 1 } })
        invalid("cannot encode a table with a number 1.5 as key (argument 1)", json.encode { [1.5] = 1 })
        invalid("cannot encode a table with a number 0 as key (argument 1)", json.encode { [0] = 1 })
        invalid("cannot encode a table whose keys are neither 1 to n nor strings (argument 1)", json.encode { 1, x = 1 })
        invalid("cannot encode a table whose keys are neither 1 to n nor strings (argument 1)", json.encode { 1, nil, 3 })
        invalid("cannot encode a string that is not UTF-8 (argument 1.s)", json.encode { s = "\xff" })
        local loop = { a = {} }
        loop.a.b = loop
        invalid("cannot encode a table that contains itself (argument 1.a.b)", json.encode(loop))
        "#,
    );
}

#[test]
fn sizes_are_bounded_both_ways() {
    vm().run(
        r#"
        local function nested(n)
            local t = {}
            for _ = 2, n do t = { t } end
            return t
        end
        local deepest = json.encode(nested(1000))
        assert(deepest == ("["):rep(1000) .. ("]"):rep(1000) and json.decode(deepest))
        local v, e = json.encode(nested(1001))
        assert(v == nil and tostring(e):find("^nesting is deeper than 1000 "), tostring(e))
        v, e = json.encode(nested(1000000))
        assert(v == nil)
        invalid("nesting is too deep at offset 1000", json.decode(("["):rep(1000000)))
        v, e = json.decode(('{"a":'):rep(1000000))
        assert(tostring(e) == "nesting is too deep at offset 5000")
        local wide = { ("x"):rep(1000) }
        for _ = 1, 40 do wide = { wide, wide } end
        v, e = json.encode(wide)
        assert(v == nil and tostring(e):find("^text is longer than 67108864 bytes "))
        "#,
    );
}

#[test]
fn texts_become_values_exactly() {
    vm().run(
        r#"
        local function same(text, v)
            local d = json.decode(text)
            assert(d == v and math.type(d) == math.type(v), text)
        end
        same("1", 1) same("-1", -1) same("1.0", 1.0) same("1e2", 100.0) same("0", 0) same(" \t\r\n5 ", 5)
        same("9007199254740993", (1 << 53) + 1) same("-9223372036854775808", math.mininteger)
        same('"a\\u00e4\\ud83d\\ude00\\n"', "a\u{e4}\u{1f600}\n") same('""', "") same('"\\u0000"', "\0")
        same("true", true) same("false", false) same("null", nil) same("0.1", 0.1) same("5e-324", 5e-324)
        assert(1 / json.decode("-0") == -math.huge and 1 / json.decode("-0.0") == -math.huge)
        local t = json.decode('{"a": [1, {"b": null}, [], {}], "c": {"d": "e"}, "a2": 1, "a2": 2}')
        assert(t.a[1] == 1 and next(t.a[2]) == nil and #t.a == 4 and t.c.d == "e" and t.a2 == 2)
        t = json.decode("[1, null, 3]")
        assert(t[1] == 1 and t[2] == nil and t[3] == 3)
        assert(not pcall(json.decode, nil) and not pcall(json.decode, {}))
        "#,
    );
}

#[test]
fn faults_are_told_with_their_offset() {
    vm().run(
        r#"
        local faults = {
            [""] = "unexpected end of text at offset 0", ["["] = "unexpected end of text at offset 1",
            ["[1"] = "unexpected end of text at offset 2", ["[1,]"] = "expected a value at offset 3",
            ["[1 2]"] = "expected `,` or `]` at offset 3", ['{"a":1 "b"}'] = "expected `,` or `}` at offset 7",
            ["{a:1}"] = "expected a string as key at offset 1", ['{"a" 1}'] = "expected `:` at offset 5",
            ['{"a":1,}'] = "expected a string as key at offset 7", ["1 2"] = "unexpected text behind the value at offset 2",
            ["nul"] = "expected a value at offset 0", ["NaN"] = "expected a value at offset 0",
            ["Infinity"] = "expected a value at offset 0", ["-"] = "expected a digit at offset 1",
            ["1."] = "expected a digit at offset 2", ["1e"] = "expected a digit at offset 2",
            ["01"] = "unexpected text behind the value at offset 1", ["+1"] = "expected a value at offset 0",
            ["[9223372036854775808]"] = "integer beyond 64 bits at offset 1",
            ["1e400"] = "number beyond the range of floats at offset 0",
            ['["abc'] = "string without an end at offset 1", ['"a\nb"'] = "control character in a string at offset 2",
            ['"a\xffb"'] = "bytes that are not UTF-8 at offset 2", ["\xef\xbb\xbf1"] = "expected a value at offset 0",
            ["[1}"] = "expected `,` or `]` at offset 2", ["]"] = "expected a value at offset 0",
        }
        for text, fault in pairs(faults) do invalid(fault, json.decode(text)) end
        for _, text in ipairs { '"\\x"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u12"', '"\\' } do
            local v, e = json.decode(text)
            assert(v == nil and tostring(e):find(" at offset %d+$"), text)
        end
        "#,
    );
}

#[test]
fn pretty_text_has_one_entry_a_line() {
    vm().run(
        r#"
        local text = json.pretty { b = { 1, {} }, a = "x" }
        assert(text == '{\n  "a": "x",\n  "b": [\n    1,\n    []\n  ]\n}', text)
        assert(json.encode({ 1 }, { indent = 1 }) == "[\n 1\n]" and json.encode({ 1 }, { indent = 0 }) == "[1]")
        assert(json.encode({ 1 }, {}) == "[1]" and json.encode({ 1 }, nil) == "[1]")
        for _, bad in ipairs { -1, 17, 1.5, "x", 0/0, math.huge } do
            invalid("indent must be an integer from 0 to 16", json.encode(1, { indent = bad }))
        end
        assert(not pcall(json.encode, 1, 2))
        "#,
    );
}

/// Any JSON value without null in tables, which Lua tables cannot hold, and without empty objects,
/// which come back as empty arrays.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 1..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Safepoints after every few bytes.
fn often<'a>() -> Safepoints<'a> {
    Safepoints::after_each(3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn long_strings_are_what_they_are_in_one_piece(
        part in "[a\\x00-\\x1f\"\\\\ä€😀]{1,7}",
        escape_all in any::<bool>(),
        shift in 0usize..13,
        n_bytes in STRETCH..3 * STRETCH,
    ) {
        let text = "x".repeat(shift) + &part.repeat(n_bytes / part.len());
        let plain = serde_json::to_string(&text).unwrap();
        let escaped = |unit| format!("\\u{unit:04x}");
        let input = match escape_all {
            true => format!("\"{}\"", text.encode_utf16().map(escaped).collect::<String>()),
            false => plain.clone(),
        };
        TestVm::new().with(|stack| {
            decode(stack, input.as_bytes(), &mut often()).unwrap();
            assert_eq!(stack.bytes(1), Some(text.as_bytes()));
            let written = encode(stack, 1, Layout::Compact, &mut often()).unwrap();
            assert_eq!(written, plain.as_bytes());
        });
    }

    #[test]
    fn faults_in_long_strings_are_told_with_their_offset(
        at in 0usize..4 * STRETCH,
        fault in prop::sample::select(vec![&b"\xff"[..], b"\\q", b"\\ud800x", b"\\u12x4", b"\\udc00"]),
    ) {
        let inner = b"\\n".repeat(2 * STRETCH);
        let (before, behind) = inner.split_at(at / 2 * 2);
        let text = [b"\"", before, fault, behind, b"\""].concat();
        let told = TestVm::new().with(|stack| decode(stack, &text, &mut often()));
        let Err(NoText::Fault(told)) = told else { panic!("{fault:?} is a fault") };
        let offset = match fault {
            b"\xff" => before.len() + 1,
            _ => serde_json::from_slice::<String>(&text).unwrap_err().column(),
        };
        prop_assert!(told.ends_with(&format!(" at offset {offset}")), "{told}, not {offset}");
    }

    #[test]
    fn any_value_comes_back(value in value(), indent in 0usize..4) {
        let vm = TestVm::new();
        vm.with(|stack| {
            decode(stack, value.to_string().as_bytes(), &mut often()).unwrap();
            let layout = if indent == 0 { Layout::Compact } else { Layout::Indented(indent) };
            let text = encode(stack, -1, layout, &mut often()).unwrap();
            assert_eq!(stack.top(), 1);
            decode(stack, &text, &mut often()).unwrap();
            let [first, again] = [1, -1].map(|index| {
                String::from_utf8(encode(stack, index, Layout::Compact, &mut often()).unwrap())
            });
            assert_eq!(again.unwrap(), first.unwrap());
            // The text reads as the same value to another reader, as far as that is exact.
            let other: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(shape(&other), shape(&value));
        });
    }

    #[test]
    fn any_text_decodes_or_is_refused(text in "[\\[\\]{}:,\"\\\\0-9a-fnultrse.+ -]{0,40}") {
        let vm = TestVm::new();
        vm.with(|stack| {
            let is_decoded = decode(stack, text.as_bytes(), &mut often()).is_ok();
            assert_eq!(stack.top(), i32::from(is_decoded));
            let other: Result<Value, _> = serde_json::from_str(&text);
            // Ours refuses integers beyond 64 bits, which the other makes floats of.
            assert!(other.is_ok() || !is_decoded, "{text}");
        });
    }
}

/// A value with its floats rounded: the other reader's last digit may differ.
fn shape(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.10e}", number.as_f64().unwrap()),
        Value::Array(list) => format!("[{}]", list.iter().map(shape).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{key:?}:{}", shape(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

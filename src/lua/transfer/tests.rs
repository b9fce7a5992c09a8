//! The laws of copying, told in Lua: `copy(...)` sends its arguments through an encoding.

use proptest::prelude::*;

use super::check::{encode, often};
use super::format::Data;
use super::*;
use crate::civil::{Duration, Time, Zone};
use crate::lua::api::testing::TestVm;
use crate::lua::api::time::{Location, Moment, Span};
use crate::lua::api::{errors, payload, result, time};
use crate::lua::raw::{LuaType, Outcome, Raise, host};
use crate::process::{Exit, Failure};

fn decode(stack: &Stack, encoded: &Encoded) -> Result<(), Malformed> {
    decode_values(stack, encoded, &mut often())
}

fn decode_one(stack: &Stack, encoded: &Encoded) {
    decode_first(stack, encoded, &mut often());
}

fn decode_array(stack: &Stack, encoded: &Encoded) -> Result<(), Malformed> {
    decode_into_array(stack, encoded, &mut often())
}

fn encode_one(stack: &Stack, index: c_int, root: &str) -> Result<Encoded, NotCopied> {
    scalar::encode(stack, index).map_or_else(|| encode_at(stack, index, root, &mut often()), Ok)
}

fn encode_rest(stack: &Stack, index: c_int, root: &str) -> Carried {
    encode_what_crosses(stack, index, root, often())
}

fn copy(stack: &Stack) -> Result<Outcome, Raise> {
    let n_values = stack.top();
    match encode(stack, stack.rest(1)) {
        Ok(encoded) => {
            assert_eq!(stack.top(), n_values);
            assert_eq!(encoded.n_values as c_int, n_values);
            check::check_general_way(stack, 1..n_values + 1, &encoded);
            decode(stack, &encoded).unwrap();
            assert_eq!(stack.top(), 2 * n_values);
            Ok(Outcome::Return(n_values))
        }
        Err(refused) => {
            assert_eq!(stack.top(), n_values);
            Ok(errors::fail(stack, "Invalid", refused.to_string()))
        }
    }
}

fn copy_rest(stack: &Stack) -> Result<Outcome, Raise> {
    let Carried { value, dropped } = encode_rest(stack, 1, "result");
    decode_one(stack, &value.expect("it is small"));
    stack.push_bytes(dropped.map_or(String::new(), |dropped| dropped.to_string()));
    Ok(Outcome::Return(2))
}

fn copy_array(stack: &Stack) -> Result<Outcome, Raise> {
    let encoded = encode(stack, stack.rest(1)).unwrap();
    decode_array(stack, &encoded).unwrap();
    Ok(Outcome::Return(1))
}

const PRELUDE: &str = r#"
    -- Equal in every value and in the shape of references. A table that is a key has an `id`.
    function same(a, b, seen)
        if math.type(a) ~= math.type(b) or type(a) ~= type(b) then return false end
        if math.type(a) == "float" then
            return string.format("%a", a) == string.format("%a", b) or a ~= a and b ~= b
        end
        if type(a) ~= "table" then return a == b end
        if seen[a] then return seen[a] == b end
        seen[a] = b
        local n = 0
        for k, v in next, a do
            n = n + 1
            local kb = k
            if type(k) == "table" then
                for other in next, b do
                    if type(other) == "table" and other.id == k.id then kb = other end
                end
                if kb == k or not same(k, kb, seen) then return false end
            end
            if not same(v, rawget(b, kb), seen) then return false end
        end
        for _ in next, b do n = n - 1 end
        return n == 0
    end
    function check(v)
        local c = copy(v)
        assert(same(v, c, {}))
        return c
    end
    function refused(text, ...)
        local v, e = copy(...)
        assert(v == nil and e:kind() == "Invalid" and tostring(e) == text, tostring(e))
    end
"#;

fn vm() -> TestVm {
    let vm = TestVm::new();
    vm.set_global("copy", |stack| stack.push_fn(host!(|stack, _cx| copy(stack))));
    vm.set_global("copy_rest", |stack| stack.push_fn(host!(|stack, _cx| copy_rest(stack))));
    vm.set_global("copy_array", |stack| stack.push_fn(host!(|stack, _cx| copy_array(stack))));
    vm.set_global("errors", errors::open);
    vm.set_global("payload", payload::open);
    vm.set_global("ended", |stack| result::push(stack, &Exit::failed(Failure::new("K", "m"))));
    vm.run(PRELUDE);
    vm
}

#[test]
fn plain_values_arrive_as_themselves() {
    vm().run(
        r#"
        for _, v in ipairs {
            true, false, 0, 127, 128, -1, math.maxinteger, math.mininteger, 0.0, -0.0, 1.0, 1.5,
            math.huge, -math.huge, "", "a", ("x"):rep(64), ("x"):rep(64), ("\0\xff"):rep(5000),
        } do check(v) end
        assert(copy(nil) == nil)
        local nan = copy(0/0)
        assert(nan ~= nan)
        local a, b, c, d = copy(1, nil, "x", nil)
        assert(a == 1 and b == nil and c == "x" and d == nil)
        assert(select('#', copy(nil, nil)) == 2 and select('#', copy()) == 0)
        "#,
    );
}

#[test]
fn tables_keep_their_entries_and_shape() {
    vm().run(
        r#"
        check {}
        check { 1, 2, 3 }
        check { 1, nil, 3, n = 3 }
        check { [1] = 1, [2] = 2, [4] = 4, [2^53] = 5, [-1] = 6, [1.5] = 7, [true] = 8, [""] = 9 }
        check { { {}, {} }, x = { y = { z = {} } } }
        local shared = { id = 1 }
        check { shared, shared, [shared] = shared, deep = { shared } }
        local cycle = { id = 2 }
        cycle.me, cycle[cycle], cycle[1] = cycle, cycle, { cycle }
        check(cycle)
        local a, b = copy(shared, { shared })
        assert(a == b[1])
        "#,
    );
}

#[test]
fn tables_of_any_make_arrive_equal() {
    vm().run(
        r#"
        -- Lists in the array part, in the hash part, in both, with holes, and emptied again.
        check { 1, 2, 3, nil, 5 }
        check { nil, nil, 3 }
        check { [3] = 3, [2] = 2, [1] = 1 }
        local t = {}
        for i = 20, 1, -1 do t[i] = i end
        assert(#check(t) == 20)
        for i = 20, 11, -1 do t[i] = nil end
        assert(#check(t) == 10)
        for i = 1, 20 do t[i] = nil; check(t) end
        for i = 1, 40 do t["k" .. i] = { i } end
        for i = 1, 40, 3 do t["k" .. i] = nil; check(t) end
        local holes = { 1, nil, 3 }
        assert(#check(holes) == #holes)
        check { [("x"):rep(100)] = { [("x"):rep(100)] = ("x"):rep(100) } }
        check { table.unpack({}, 1, 100) }
        check(setmetatable({ { 1, setmetatable({ 2 }, {}) } }, {}))
        "#,
    );
}

#[test]
fn keys_are_written_once_however_many_tables_have_them() {
    vm().run(
        r#"
        -- As many keys as are remembered, one more, and far more; in the same order and in others.
        for _, n in ipairs { 1, 31, 32, 33, 100 } do
            local list = {}
            for i = 1, 10 do
                local t = {}
                for k = 1, n do t["a key of record " .. (k * i) % (n + 3)] = k end
                list[i] = t
            end
            check(list)
            check { by_name = list, [list] = list }
        end
        "#,
    );
    vm().with(|stack| {
        let record = |stack: &Stack| {
            stack.new_table(0, 1);
            stack.push_bool(true);
            stack.raw_set_field(-2, "some quite long name");
        };
        record(stack);
        record(stack);
        let one = encode(stack, 1..2).unwrap().size_bytes();
        let two = encode(stack, 1..3).unwrap().size_bytes();
        assert_eq!(two - one, 1 + 7, "the mark, and a record without the bytes of its key");
    });
}

#[test]
fn the_collector_goes_on_as_it_was_after_a_copy() {
    vm().run(
        r#"
        local json = payload.new { a = { b = 1 } }:transcode("json/plain")
        for _, running in ipairs { true, false } do
            if not running then collectgarbage("stop") end
            assert(copy { json, setmetatable({}, {}) }[1].a.b == 1)
            assert(collectgarbage("isrunning") == running)
            refused("cannot send a function (argument 1[2])", { json, print })
            assert(collectgarbage("isrunning") == running)
        end
        collectgarbage("restart")
        "#,
    );
}

#[test]
fn a_border_far_behind_the_entries_claims_no_room() {
    vm().run(
        r#"
        local sparse = {}
        for i = 0, 40 do sparse[1 << i] = i end
        check(sparse)
        "#,
    );
}

#[test]
fn no_nesting_is_too_deep() {
    vm().run(
        r#"
        for _, n in ipairs { 38, 39, 40, 41, 42, 100, 1000000 } do
            local t = { bottom = true }
            for _ = 1, n do t = { t, x = 1 } end
            local c = copy(t, t)
            for _ = 1, n do assert(c.x == 1); c = c[1] end
            assert(c.bottom)
        end
        for _, n in ipairs { 38, 41, 1000 } do
            local t = {}
            for i = 1, n do t = { [t] = i } end
            t = copy(t)
            for i = n, 1, -1 do
                local k, v = next(t)
                assert(v == i)
                t = k
            end
        end
        "#,
    );
}

#[test]
fn large_values_arrive_equal() {
    vm().run(
        r#"
        local long = ("abcdefg"):rep(1 << 18)
        assert(copy(long) == long)
        check { long, { long, [long] = "key" }, x = { long } }
        local many = {}
        for n = 1, 1 << 17 do many[n] = { n = n, s = "text" } end
        many.again = { many[5], many[100000], many }
        for _, metatable in ipairs { false, {} } do
            if metatable then setmetatable(many, metatable) end
            local c = copy(many)
            for n = 1, 1 << 17 do assert(c[n].n == n and c[n].s == "text") end
            assert(c.again[1] == c[5] and c.again[2] == c[100000] and c.again[3] == c)
        end
        local e = errors.new { message = long, details = { long } }
        local c = copy(e)
        assert(tostring(c) == long and c:details()[1] == long)
        "#,
    );
}

#[test]
fn what_belongs_to_the_process_is_refused_with_its_path() {
    vm().run(
        r#"
        refused("cannot send a function (argument 1)", print)
        refused("cannot send a function (argument 2.jobs[3])", 1, { jobs = { 1, 2, print } })
        refused("cannot send a thread (argument 1[\"a b\"].x)",
            { ["a b"] = { x = coroutine.create(print) } })
        refused("cannot send a function (argument 1.x[function])", { x = { [print] = 1 } })
        refused("cannot send a function (argument 1[table][function])", { [{ [print] = 1 }] = 1 })
        refused("cannot send a function (argument 1[true][-1][1.5])", { [true] = { [-1] = { [1.5] = print } } })
        local deep = print
        for i = 1, 60 do deep = { deep } end
        refused("cannot send a function (argument 1" .. ("[1]"):rep(60) .. ")", deep)
        for i = 1, 60 do deep = { deep } end
        refused("cannot send a function (argument 1" .. ("[1]"):rep(64) .. "…)", deep)
        "#,
    );
}

#[test]
fn a_result_gets_nil_for_what_cannot_cross() {
    vm().run(
        r#"
        local v, text = copy_rest(print)
        assert(v == nil and text == "cannot send a function (result)")
        v, text = copy_rest { 1, print, 3, x = print, y = { print }, [print] = 1 }
        assert(v[1] == 1 and v[2] == nil and v[3] == 3 and v.x == nil and #v.y == 0)
        assert(text == "cannot send a function (result[2])")
        for k in pairs(v) do assert(k == 1 or k == 3 or k == "y") end
        v, text = copy_rest { 1, 2 }
        assert(#v == 2 and text == "")
        "#,
    );
}

#[test]
fn no_metamethod_runs_and_no_metatable_is_carried() {
    vm().run(
        r#"
        local function never() error("ran") end
        local mt = { __index = never, __newindex = never, __pairs = never, __len = never, __eq = never }
        local c = copy(setmetatable({ 1, x = 2 }, mt))
        assert(getmetatable(c) == nil and c[1] == 1 and c.x == 2)
        "#,
    );
}

#[test]
fn a_copy_can_become_a_metatable() {
    vm().run(
        r#"
        local mt = copy { __index = { x = 1 }, __name = "copy" }
        local t = setmetatable({}, mt)
        assert(t.x == 1 and t.y == nil and tostring(t):find("^copy: "))
        "#,
    );
}

#[test]
fn errors_cross_with_all_they_have() {
    vm().run(
        r#"
        local e = errors.new { message = "m", kind = "NotFound", retryable = true, details = { a = { 1 } } }
        e = errors.wrap(e, "context")
        local c = copy(e)
        assert(c ~= e and tostring(c) == "m" and c:kind() == "NotFound" and c:retryable() == true)
        assert(c:details().a[1] == 1 and c:stack() == e:stack())
        local details = {}
        local own = errors.new { message = "m", details = details }
        details.cause, details.same, details[own] = own, details, { own }
        c = copy { [own] = own, list = { own, 1 } }
        local in_list = c.list[1]:details()
        assert(in_list.same == in_list and in_list.cause:details() == in_list and c.list[2] == 1)
        local k, v
        for key, value in pairs(c) do if key ~= "list" then k, v = key, value end end
        assert(k:details() == v:details() and k:details() == in_list)
        refused("cannot send a function (argument 1.x.f)", { x = errors.new { message = "m", details = { f = print } } })
        "#,
    );
}

#[test]
fn payloads_are_unwrapped_at_any_place() {
    vm().run(
        r#"
        local t = { 1, { 2 } }
        assert(same(t, copy(payload.new(t)), {}))
        local c = copy { payload.new(t), payload.new(nil), payload.new("x"), [payload.new("k")] = payload.new(t) }
        assert(same(t, c[1], {}) and c[2] == nil and c[3] == "x" and c.k == c[1])
        local loop = {}
        loop.p = payload.new(loop)
        c = copy(loop)
        assert(c.p == c)
        assert(copy(payload.new { a = 1 }:transcode("json/plain")).a == 1)
        "#,
    );
}

#[test]
fn result_records_stay_records() {
    vm().run(
        r#"
        local r = copy(ended)
        assert(tostring(r) == "m" and tostring(r.error) == "m" and r == r and r.x == nil)
        local c = copy { ended, ended }
        assert(c[1].error:kind() == "K" and rawequal(c[1], c[2]))
        "#,
    );
}

#[test]
fn times_durations_and_locations_arrive_equal() {
    vm().with(|stack| {
        let zone = Zone::load(b"Asia/Tokyo").unwrap();
        let moments = [Time::ZERO, Time::from_unix(i64::MAX, 999_999_999, zone)];
        time::push_time(stack, moments[0]);
        time::push_time(stack, moments[1]);
        time::push_duration(stack, Duration::from_nanos(i64::MIN));
        time::push_location(stack, zone);
        let encoded = encode(stack, 1..5).unwrap();
        stack.set_top(0);
        decode(stack, &encoded).unwrap();
        for (index, moment) in (1..).zip(moments) {
            let Moment(copy) = stack.object(index).unwrap();
            assert!(copy.equal(&moment) && copy.zone() == moment.zone());
        }
        let (Span(duration), Location(copy)) = (stack.object(3).unwrap(), stack.object(4).unwrap());
        assert_eq!((duration.nanoseconds(), copy), (i64::MIN, zone));
    });
}

#[test]
fn several_values_become_an_array() {
    vm().run(
        r#"
        local t = {}
        local a = copy_array(1, nil, t, t)
        assert(a[1] == 1 and a[2] == nil and type(a[3]) == "table" and a[3] == a[4])
        assert(#copy_array(table.unpack({}, 1, 0)) == 0)
        "#,
    );
}

/// A leaf, or a table of the pool by number.
#[derive(Clone, Debug)]
enum Part {
    Nothing,
    Bool(bool),
    Int(i64),
    Num(f64),
    Text(Vec<u8>),
    Table(usize),
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Nothing),
        any::<bool>().prop_map(Part::Bool),
        (-3i64..40).prop_map(Part::Int),
        any::<i64>().prop_map(Part::Int),
        any::<f64>().prop_map(Part::Num),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Part::Text),
        (0usize..40).prop_map(Part::Table),
        (0usize..40).prop_map(Part::Table),
    ]
}

fn push_part(stack: &Stack, pool: c_int, part: &Part) {
    match part {
        Part::Nothing => stack.push_nil(),
        Part::Bool(value) => stack.push_bool(*value),
        Part::Int(value) => stack.push_int(*value),
        Part::Num(value) => stack.push_num(*value),
        Part::Text(text) => stack.push_bytes(text),
        Part::Table(n) => {
            stack.raw_get_int(pool, *n as i64 + 1);
        }
    }
}

/// Pushes the first of 40 tables that are filled with the entries.
fn push_graph(stack: &Stack, entries: &[(usize, Part, Part)]) {
    stack.new_table(40, 0);
    let pool = stack.top();
    for n in 1..=40 {
        stack.new_table(0, 0);
        stack.push_int(n);
        stack.raw_set_field(-2, "id");
        stack.raw_set_int(pool, n);
    }
    for (table, key, value) in entries {
        stack.raw_get_int(pool, *table as i64 + 1);
        push_part(stack, pool, key);
        push_part(stack, pool, value);
        if stack.is_nil(-2) || stack.number(-2).is_some_and(f64::is_nan) {
            stack.pop(3);
            continue;
        }
        stack.raw_set(-3);
        stack.pop(1);
    }
    stack.raw_get_int(pool, 1);
    stack.replace(pool);
}

fn graph() -> impl Strategy<Value = Vec<(usize, Part, Part)>> {
    prop::collection::vec((0usize..40, part(), part()), 0..150)
}

/// A table whose fields have few names, with tables in it.
fn records() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|value| Value::Integer(value >> (value & 63))),
        (-1e9_f64..1e9).prop_map(Value::Float),
        prop::collection::vec(any::<u8>(), 0..50).prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 200, 10, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..10);
        let fields = prop::collection::btree_map(0u8..45, inner, 0..10);
        (list, fields).prop_map(|(list, fields)| {
            let name = |n: u8| Value::from("k".repeat(n.into()));
            let fields = fields.into_iter().map(|(n, value)| (name(n), value)).collect();
            Value::Table(Table { list, fields })
        })
    })
}

/// The same value with the fields of each table in one order.
fn sorted(value: Value) -> Value {
    let Value::Table(Table { list, fields }) = value else { return value };
    let list = list.into_iter().map(sorted).collect();
    let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
    fields.sort_by(|(a, _), (b, _)| a.as_str().cmp(&b.as_str()));
    Value::Table(Table { list, fields })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_arrive_equal_inside_and_outside_of_a_vm(value in records()) {
        let sent = encode_values(std::slice::from_ref(&value));
        let encoded = vm().with(|stack| {
            decode_one(stack, &sent);
            let encoded = encode(stack, 1..2).unwrap();
            check::check_general_way(stack, 1..2, &encoded);
            decode_one(stack, &encoded);
            encode(stack, 2..3).unwrap()
        });
        prop_assert_eq!(sorted(decode_value(&encoded)), sorted(value));
    }

    #[test]
    fn any_graph_of_tables_arrives_equal(entries in graph()) {
        let vm = vm();
        vm.set_global("graph", |stack| push_graph(stack, &entries));
        prop_assert_eq!(vm.eval("check(graph) return 'ok'"), Ok("ok".to_owned()));
    }

    #[test]
    fn copies_are_right_however_the_collector_runs(records in records(), entries in graph()) {
        let sent = encode_values(std::slice::from_ref(&records));
        let records = sorted(records);
        for prepare in [TestVm::collect_in_steps, TestVm::collect_the_young] {
            let vm = vm();
            prepare(&vm);
            for _ in 0..3 {
                let encoded = vm.with(|stack| {
                    decode_one(stack, &sent);
                    stack.collect_garbage();
                    encode(stack, 1..2).unwrap()
                });
                prop_assert_eq!(&sorted(decode_value(&encoded)), &records);
            }
            vm.set_global("graph", |stack| push_graph(stack, &entries));
            prop_assert_eq!(vm.eval("check(graph) return 'ok'"), Ok("ok".to_owned()));
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused(data in prop::collection::vec(any::<u8>(), 0..200), n in 0u32..5) {
        let vm = vm();
        vm.with(|stack| check::check_encoding(stack, &data, n));
    }

    #[test]
    fn damaged_encodings_decode_or_are_refused(
        entries in graph(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let vm = vm();
        vm.with(|stack| {
            push_graph(stack, &entries);
            let mut data = encode(stack, 1..2).unwrap().data.to_vec();
            for (at, byte) in &damage {
                let at = at.index(data.len());
                data[at] = *byte;
            }
            check::check_encoding(stack, &data, 1);
        });
    }
}

#[test]
fn bytes_cannot_claim_more_room_than_they_fill() {
    let vm = vm();
    vm.with(|stack| {
        for data in [
            &[format::TABLE, 31, 0, 0, 0][..],
            &[format::TABLE, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0],
            &[format::TABLE, 255, 0, 0, 0],
            &[format::SAME, 0],
            // Keys that nobody remembers, that are not there yet, in the place of a value.
            &[format::TABLE, 0, 0, 0, format::KEY, format::TRUE, 0],
            &[format::KEYS, format::TABLE, 0, 0, 0, format::KEY, format::TRUE, 0],
            &[
                format::KEYS,
                format::TABLE,
                0,
                0,
                0,
                0x41,
                b'a',
                format::TRUE,
                0x21,
                format::TRUE,
                0,
            ],
            &[format::KEYS, format::TABLE, 0, 0, 0, 0x41, b'a', format::KEY, 0],
            &[format::KEYS, format::KEYS, format::TRUE],
            &[format::KEYS],
            &[format::STRING, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            let encoded = Encoded { data: data.iter().copied().collect(), n_values: 1 };
            assert_eq!(decode(stack, &encoded), Err(Malformed), "{data:?}");
        }
        let encoded = Encoded { data: Data::new(), n_values: u32::MAX };
        assert_eq!(decode(stack, &encoded), Err(Malformed));
        assert_eq!(decode_array(stack, &encoded), Err(Malformed));
        decode_one(stack, &encoded);
        assert_eq!(stack.kind(-1), LuaType::Nil);
    });
}

#[test]
fn small_payloads_are_small() {
    vm().with(|stack| {
        let size = |push: &dyn Fn()| {
            push();
            encode_one(stack, -1, "argument 1").unwrap().size_bytes()
        };
        assert_eq!(size(&|| stack.push_int(7)), 1);
        assert_eq!(size(&|| stack.push_bytes("hello")), 6);
        assert_eq!(size(&|| stack.new_table(0, 0)), 5);
    });
}

//! A kill that comes during a step ends it at the next safepoint.

use super::*;
use crate::lua::api::json::{self, Layout, NoText};
use crate::lua::testing::TestVm;
use crate::lua::transfer::{self, NotCopied};
use crate::process::{Encoded, Failure};

/// A table, or a string, that no stretch gets through.
fn push_large(stack: &Stack, make: &str) {
    match make {
        "string" => stack.push_bytes(vec![b'x'; 2 * LARGE]),
        "escapes" => stack.push_bytes(vec![1; 2 * LARGE]),
        _ => {
            stack.new_table(0, 0);
            for n in 1..=40_000 {
                if make == "fields" {
                    stack.push_bytes(format!("key {n}"));
                    stack.push_int(n);
                    stack.raw_set(1);
                } else {
                    stack.push_int(n);
                    stack.raw_set_int(1, n);
                }
            }
        }
    }
    if make == "object" {
        stack.new_table(0, 0);
        stack.set_metatable(1);
    }
}

const LARGE_VALUES: &[&str] = &["list", "fields", "object", "string", "escapes"];

/// Runs a step on each of the large values, which are in slot 1: first as it is, to get what
/// `prepare` makes of the value, then killed.
fn killed<P: 'static>(prepare: fn(&Stack, &mut Cx) -> P, step: fn(&Stack, &mut Cx, P) -> bool) {
    for make in LARGE_VALUES {
        TestVm::with_bare(move |vm| {
            vm.host(|stack, cx| {
                push_large(stack, make);
                let prepared = prepare(stack, cx);
                let running = cx.step.get();
                let (runtime, pid) = (running.process.runtime().clone(), running.process.pid());
                assert!(runtime.kill(pid, Failure::terminated(), running.worker));
                let top = stack.top();
                assert!(step(stack, cx, prepared), "the step on {make} goes on");
                assert!(stack.universe().is_dying());
                assert_eq!(stack.top(), top);
            });
        });
    }
}

fn encoded(stack: &Stack, cx: &mut Cx) -> Encoded {
    transfer::encode(stack, cx, 1..2).expect("it can cross")
}

fn text(stack: &Stack, cx: &mut Cx) -> Vec<u8> {
    json::encode(stack, 1, Layout::Compact, &mut Safepoints::new(stack, cx)).expect("it has a text")
}

#[test]
fn a_kill_ends_an_encoding() {
    killed(
        |_, _| (),
        |stack, cx, ()| matches!(transfer::encode(stack, cx, 1..2), Err(NotCopied::Stopped)),
    );
}

#[test]
fn a_kill_ends_a_decoding() {
    killed(encoded, |stack, cx, encoded| transfer::decode(stack, cx, &encoded).is_err());
}

#[test]
fn a_kill_ends_the_writing_of_json() {
    killed(
        |_, _| (),
        |stack, cx, ()| {
            let safepoints = &mut Safepoints::new(stack, cx);
            matches!(json::encode(stack, 1, Layout::Compact, safepoints), Err(NoText::Stopped))
        },
    );
}

#[test]
fn a_kill_ends_the_reading_of_json() {
    killed(text, |stack, cx, text| {
        matches!(json::decode(stack, &text, &mut Safepoints::new(stack, cx)), Err(NoText::Stopped))
    });
}

#[test]
fn a_step_that_is_not_killed_goes_on() {
    TestVm::with_bare(|vm| {
        vm.host(|stack, cx| {
            push_large(stack, "list");
            let sent = encoded(stack, cx);
            transfer::decode_one(stack, cx, &sent);
            assert_eq!(stack.raw_len(2), 40_000);
            assert!(!stack.universe().is_dying());
        });
    });
}

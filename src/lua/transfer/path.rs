//! The place of a value inside of an argument, as people write it: `argument 2.jobs[3]`.

use std::ffi::c_int;

use crate::lua::raw::{LuaType, Stack};

/// Longer paths are cut: they come from programs that nest without an end.
const PATH_MAX: usize = 200;
const KEY_MAX: usize = 60;

/// Adds the step from a table to the value of the key at `index`; false when the path is cut here.
pub(crate) fn add_key(path: &mut String, stack: &Stack, index: c_int) -> bool {
    if path.len() >= PATH_MAX {
        path.push('…');
        return false;
    }
    let step = match (stack.kind(index), stack.bytes(index)) {
        (_, Some(name)) if is_name(name) => format!(".{}", String::from_utf8_lossy(name)),
        (_, Some(text)) => {
            let cut = &text[..text.len().min(KEY_MAX)];
            format!("[\"{}\"]", cut.escape_ascii())
        }
        (LuaType::Number, _) => format!("[{}]", stack.number_text(index).unwrap_or_default()),
        (LuaType::Boolean, _) => format!("[{}]", stack.truthy(index)),
        (kind, _) => format!("[{}]", kind.name()),
    };
    path.push_str(&step);
    true
}

/// Whether `text` can stand behind a dot in Lua source.
fn is_name(text: &[u8]) -> bool {
    text.len() <= KEY_MAX
        && text.first().is_some_and(|first| !first.is_ascii_digit())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

//! Time zones: the Location object, and where it comes from.

use crate::civil::Zone;
use crate::lua::api::args::{integer_arg, object_arg, text_arg};
use crate::lua::api::refused::fail;
use crate::lua::cx::Cx;
use crate::lua::objects;
use crate::lua::raw::{Object, Outcome, Raise, Stack, host};
use crate::process::kind;

/// A Location object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location(pub(crate) Zone);

impl Object for Location {
    const TAG: u32 = objects::LOCATION;
    const NAME: &'static str = "Location";
    const N_VALUES: i32 = 0;
}

pub(crate) fn push_location(stack: &Stack, zone: Zone) {
    stack.new_object(Location(zone), build_location);
}

pub(super) fn zone_arg(stack: &Stack, n: i32) -> Result<Zone, Raise> {
    match stack.object::<Location>(n) {
        Some(location) => Ok(location.0),
        None if stack.is_nil(n) => Ok(Zone::LOCAL),
        None => Err(Raise::Message("location expected".to_owned())),
    }
}

pub(super) fn load_location(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let name = text_arg(stack, 1)?;
    match Zone::load(&name) {
        Ok(zone) => {
            push_location(stack, zone);
            Ok(Outcome::Return(1))
        }
        Err(error) => {
            let kind = if error.is_not_found() { kind::NOT_FOUND } else { kind::INVALID };
            fail(stack, kind, error.to_string())
        }
    }
}

pub(super) fn fixed_zone(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let (name, offset) = (text_arg(stack, 1)?, integer_arg(stack, 2)?);
    let zone = Zone::fixed(&name, offset).map_err(|error| Raise::Message(error.to_string()))?;
    push_location(stack, zone);
    Ok(Outcome::Return(1))
}

fn build_location(stack: &Stack) {
    stack.new_table(0, 1);
    stack.set_fn(-1, "string", host!(text));
    stack.raw_set_field(-2, "__index");
    stack.set_fn(-1, "__tostring", host!(text));
}

fn text(stack: &Stack, _: &mut Cx) -> Result<Outcome, Raise> {
    let location = object_arg::<Location>(stack, 1)?;
    stack.push_bytes(location.0.name());
    Ok(Outcome::Return(1))
}

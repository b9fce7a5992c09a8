//! The state of `math.random`: one generator for each process, seeded with the process.
//!
//! The functions are stock Lua's. They expect their state, the four words of a xoshiro256**
//! generator, in a userdata that is their first upvalue; Lua code cannot reach it.

/// Size of the generator's state.
pub(super) const STATE_BYTES: usize = size_of::<State>();

/// The state of a generator.
pub(crate) type State = [u64; 4];

/// The state that `math.randomseed(seed[0], seed[1])` of stock Lua gives.
pub(crate) fn seeded(seed: [u64; 2]) -> State {
    let mut state = [seed[0], 0xff, seed[1], 0];
    for _ in 0..16 {
        advance(&mut state);
    }
    state
}

/// One step of xoshiro256**, its output discarded.
fn advance(state: &mut State) {
    let shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3].rotate_left(45);
}

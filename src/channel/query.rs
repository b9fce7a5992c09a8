//! What an operation would do, asked before it is done: for callers that may not be suspended.

use super::state::{ReceiveState, SendState};
use super::{Case, ChannelId, Channels};

impl ChannelId {
    /// The id as a number, different for every id.
    pub fn to_bits(self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.index)
    }

    /// The id of that number.
    pub fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, serial: (bits >> 32) as u32 }
    }
}

impl<V> Channels<V> {
    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.n_channels
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether only the runtime puts values into the channel. False for a freed one.
    pub fn is_fed(&self, id: ChannelId) -> bool {
        self.get(id).is_some_and(|channel| channel.is_fed())
    }

    /// Whether a send would not suspend its fiber.
    pub fn sends_at_once(&self, id: ChannelId) -> bool {
        !matches!(self.send_state(id), SendState::Receiver(_) | SendState::Full)
    }

    /// Whether a receive would not suspend its fiber.
    pub fn receives_at_once(&self, id: ChannelId) -> bool {
        matches!(self.receive_state(id), ReceiveState::Buffered | ReceiveState::Closed)
    }

    /// Whether a close would suspend its fiber behind those that wait.
    pub fn has_waiters(&self, id: ChannelId) -> bool {
        self.noted.is_some_and(|(_, noted)| noted == id)
            || self.get(id).is_some_and(|channel| !channel.closed && channel.has_waiters())
    }

    /// Whether a select among `cases` would not suspend its fiber.
    pub fn selects_at_once(&self, cases: &[Case<V>], default: bool) -> bool {
        let first = cases.iter().find_map(|case| match *case {
            Case::Receive(id) => match self.receive_state(id) {
                ReceiveState::Empty => None,
                ReceiveState::Sender(_) => Some(false),
                ReceiveState::Buffered | ReceiveState::Closed => Some(true),
            },
            Case::Send(id, _) => match self.send_state(id) {
                SendState::Full | SendState::Closed | SendState::ReceiveOnly => None,
                SendState::Receiver(_) => Some(false),
                SendState::Room => Some(true),
            },
        });
        first.unwrap_or(default)
    }
}

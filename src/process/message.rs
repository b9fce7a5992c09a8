//! Messages, and the values that they carry in encoded form.

use smallvec::SmallVec;

use super::pid::Pid;

/// Values copied out of a Lua VM: a flat encoding that only the Lua layer reads
/// (`lua/transfer.rs`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// The bytes; short ones are inline.
    pub data: SmallVec<[u8; 40]>,
    /// How many values are encoded.
    pub n_values: u32,
}

impl Encoded {
    /// Size in encoded form, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.data.len()
    }
}

/// A topic: any bytes, compared byte by byte.
pub type Topic = SmallVec<[u8; 24]>;

/// Where the answer to a `process.call` goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRef {
    /// The process that waits for the answer.
    pub caller: Pid,
    /// Its number for the call.
    pub id: u64,
}

/// What one process sent to another.
#[derive(Debug)]
pub struct Message {
    /// The topic that listeners choose by.
    pub topic: Topic,
    /// The sender; none for messages of a spawner builder and of the runtime.
    pub from: Option<Pid>,
    /// The payload arguments.
    pub payload: Encoded,
    /// Set when the message can be answered.
    pub call: Option<CallRef>,
    /// A resource that moves with the message, such as a connection.
    pub attachment: Option<Box<dyn std::any::Any + Send>>,
}

impl Message {
    /// What the message counts against a memory or mailbox limit, in bytes.
    pub fn size_bytes(&self) -> usize {
        size_of::<Message>() + self.topic.len() + self.payload.size_bytes()
    }
}

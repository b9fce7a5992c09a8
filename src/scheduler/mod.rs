//! stub
mod preempt;
mod stats;
mod task;
pub use preempt::*;
pub use stats::*;
pub use task::*;

//! stub
#[derive(Debug)]
pub struct Registration(#[expect(dead_code)] u64);

//! The `moonlet` command.

#![expect(unsafe_code, reason = "one call into the allocator")]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    moonlet::set_allocator_trim(trim);
    moonlet::cli::main()
}

fn trim() {
    // SAFETY: may be called at any time on any thread; it frees nothing that is in use.
    unsafe { libmimalloc_sys::mi_collect(true) };
}

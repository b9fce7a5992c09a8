//! The `moonlet` command.

mod allocator;

#[cfg_attr(not(any(asan, tsan)), global_allocator)]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

fn main() -> std::process::ExitCode {
    moonlet::set_allocator_trim(allocator::trim);
    moonlet::cli::main()
}

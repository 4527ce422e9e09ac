//! The unsafe code, in one file: the idle scheduling classes of `--nice`, environment variables,
//! free memory, and the check that stdout was open at the start.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// True if stdout was closed when the program started.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// True unless stdout was closed when the program started. Rust's runtime opens `/dev/null` in its
/// place before `main` begins, so later writes are lost without an error.
pub(crate) fn stdout_is_open() -> bool {
    // Relaxed: written before a second thread exists.
    !STDOUT_CLOSED.load(Ordering::Relaxed)
}

/// Removes empty or blank environment variables that begin with one of `prefixes`, because the SDK
/// takes an empty variable for a value. Nothing is removed if this process has several threads.
#[cfg(target_os = "linux")]
pub(crate) fn unset_empty_variables(prefixes: &[&str]) {
    let is_empty = |(name, value): &(std::ffi::OsString, std::ffi::OsString)| {
        let name = name.as_encoded_bytes();
        prefixes.iter().any(|prefix| name.starts_with(prefix.as_bytes())) && is_blank(value)
    };
    let empty: Vec<_> = std::env::vars_os().filter(is_empty).collect();
    let alone = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
    if !alone {
        return;
    }
    for (name, _) in empty {
        // SAFETY: this is the only thread, so no other thread reads the environment.
        unsafe { std::env::remove_var(name) };
    }
}

/// Does nothing, because the number of threads is not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unset_empty_variables(_prefixes: &[&str]) {}

fn is_blank(value: &OsStr) -> bool {
    value.as_encoded_bytes().iter().all(u8::is_ascii_whitespace)
}

/// The loader calls the functions in this section before the runtime starts.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section holds pointers to functions that return nothing. The loader passes arguments,
// which a function with the C convention may ignore.
#[unsafe(link_section = ".init_array")]
static BEFORE_RUNTIME: extern "C" fn() = look_at_stdout;

#[cfg(target_os = "linux")]
extern "C" fn look_at_stdout() {
    // SAFETY: reads the flags of a descriptor, and fails if it is closed.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    STDOUT_CLOSED.store(flags < 0, Ordering::Relaxed);
}

/// Lets the system have back blocks of 512 KiB or more as soon as they are free. By default, glibc
/// keeps such blocks from the first free one on: the accounts of homes would stay in memory beside
/// the report that takes their place.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn return_large_blocks() {
    // SAFETY: sets a number, before a second thread exists.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 512 << 10) };
}

/// Does nothing, because only glibc keeps them.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn return_large_blocks() {}

/// `IOPRIO_WHO_PROCESS`, and the idle class without data (linux/ioprio.h).
#[cfg(target_os = "linux")]
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
#[cfg(target_os = "linux")]
const IOPRIO_CLASS_IDLE: libc::c_int = 3 << 13;

/// Puts this thread, and those it starts from now on, into the idle classes. They run when no other
/// process wants the processor, or the disk if its scheduler supports priorities. This uses libc
/// directly because the crates that wrap ioprio_set are not maintained.
///
/// # Errors
/// The system's error. No privilege is needed.
#[cfg(target_os = "linux")]
pub(crate) fn idle() -> io::Result<()> {
    // The kernel's `struct sched_param`: the static priority, which is 0 here.
    let param: libc::c_int = 0;
    // A direct system call, because musl's function always fails.
    let done = unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_IDLE, &raw const param)
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: takes three numbers and no memory; 0 is the calling thread.
    let done =
        unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Fails, because only Linux has these classes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn idle() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

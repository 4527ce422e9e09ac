//! The unsafe code, in one file: the idle scheduling classes of `--nice`, variables of the
//! environment, and whether the program was started with a standard output.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// True if stdout was closed when the program started.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// True unless the program was started with its stdout closed. Rust's runtime opens `/dev/null` in
/// place of a closed one before `main` begins, so what is written later is lost without an error.
pub(crate) fn stdout_is_open() -> bool {
    // Relaxed: written before there is a second thread.
    !STDOUT_CLOSED.load(Ordering::Relaxed)
}

/// Removes the variables with a prefix of `prefixes` that are empty or blank, because the SDK takes
/// an empty one for a value. Nothing is removed if this process has several threads.
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
        // SAFETY: no other thread reads the environment, because there is none.
        unsafe { std::env::remove_var(name) };
    }
}

/// Does nothing: the number of threads is not known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unset_empty_variables(_prefixes: &[&str]) {}

fn is_blank(value: &OsStr) -> bool {
    value.as_encoded_bytes().iter().all(u8::is_ascii_whitespace)
}

/// The loader calls what this section holds before the runtime starts.
#[cfg(target_os = "linux")]
#[used]
// SAFETY: the section holds pointers to functions without a result. The loader passes arguments,
// which a function of the C convention may ignore.
#[unsafe(link_section = ".init_array")]
static BEFORE_RUNTIME: extern "C" fn() = look_at_stdout;

#[cfg(target_os = "linux")]
extern "C" fn look_at_stdout() {
    // SAFETY: asks a descriptor for its flags, and fails if it is closed.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    STDOUT_CLOSED.store(flags < 0, Ordering::Relaxed);
}

/// `IOPRIO_WHO_PROCESS`, and the idle class without data (linux/ioprio.h).
#[cfg(target_os = "linux")]
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
#[cfg(target_os = "linux")]
const IOPRIO_CLASS_IDLE: libc::c_int = 3 << 13;

/// Puts this thread, and those it starts from now on, into the idle classes. They run when no other
/// process wants the processor, or the disk if its scheduler knows priorities. This uses libc
/// directly because the crates that wrap ioprio_set are not maintained.
///
/// # Errors
/// The system's error. It needs no privilege.
#[cfg(target_os = "linux")]
pub(crate) fn idle() -> io::Result<()> {
    // The kernel's `struct sched_param`: the static priority, which is 0 here.
    let param: libc::c_int = 0;
    // The system call itself, because musl's function always fails.
    // SAFETY: 0 is the calling thread; `param` is read during the call and outlives it.
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

/// Fails: only Linux has these classes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn idle() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

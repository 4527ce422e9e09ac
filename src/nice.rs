//! The idle classes of processor and disk; the only unsafe code.

#![allow(unsafe_code)]

use std::io;

/// `IOPRIO_WHO_PROCESS`, and the idle class without data (linux/ioprio.h).
#[cfg(target_os = "linux")]
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
#[cfg(target_os = "linux")]
const IOPRIO_CLASS_IDLE: libc::c_int = 3 << 13;

/// Puts this thread, and those it starts from now on, into the idle classes: they run when no
/// other process wants the processor, or the disk where its scheduler knows priorities. libc and
/// no crate: those that wrap ioprio_set are not kept up.
///
/// # Errors
/// What the system answers, which needs no privilege for this.
#[cfg(target_os = "linux")]
pub(crate) fn idle() -> io::Result<()> {
    // The kernel's `struct sched_param`: the static priority, which is 0 here.
    let param: libc::c_int = 0;
    // The system call itself, because musl's function only fails.
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

/// There is nothing like it elsewhere.
#[cfg(not(target_os = "linux"))]
pub(crate) fn idle() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

//! `--nice`: the idle scheduling classes of processor and disk. The only file with unsafe code.

#![allow(unsafe_code)]

use std::io;

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
/// What the system answers. It needs no privilege.
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

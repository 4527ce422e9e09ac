//! Access control lists: they may let others write to a directory, and its mode does not say so (acl(5)).

use std::path::Path;

/// True if the directory may have an access control list.
#[cfg(target_os = "linux")]
pub fn may_have_acl(path: &Path) -> bool {
    may_be(rustix::fs::lgetxattr(path, ACCESS, &mut [0_u8; 0][..]))
}

/// Other systems than Linux are not asked.
#[cfg(not(target_os = "linux"))]
pub fn may_have_acl(_path: &Path) -> bool {
    false
}

/// True if the open directory may have an access control list.
#[cfg(target_os = "linux")]
pub(super) fn may_have_acl_at(directory: &std::os::fd::OwnedFd) -> bool {
    may_be(rustix::fs::fgetxattr(directory, ACCESS, &mut [0_u8; 0][..]))
}

#[cfg(target_os = "linux")]
const ACCESS: &std::ffi::CStr = c"system.posix_acl_access";

/// Answers from the size of the attribute with the list. An attribute that cannot be read may be there.
#[cfg(target_os = "linux")]
fn may_be(size: rustix::io::Result<usize>) -> bool {
    use rustix::io::Errno;
    !matches!(size, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

//! Converts statuses and RPC errors to the `io::Error`s of reports.

use std::io;

use rustix::io::Errno;

use super::rpc::{AuthStat, RpcError};
use super::status::Status;

/// Converts a status that ends the scan, with advice on what to change.
pub(super) fn with_advice(status: Status) -> io::Error {
    let advice = match status {
        Status::PERM | Status::ACCESS => {
            "the server denies access to this uid from here; try another --nfs-uid, the export \
             option `insecure` (requests do not come from a privileged port), or on EFS a file \
             system policy that allows ClientRootAccess"
        }
        Status::NOENT => "the server has no such directory; a path begins at its root",
        Status::WRONGSEC => "the server requires a security flavor other than AUTH_SYS (`sec=sys`)",
        Status::MOVED => "the directory is on another server; scan that one",
        _ => return from_status(status),
    };
    let plain = from_status(status);
    io::Error::new(plain.kind(), format!("{plain}: {advice}"))
}

/// Converts an RPC error that ends the scan, with advice on what to change.
pub(super) fn from_rpc(error: RpcError) -> io::Error {
    let advice = match error {
        RpcError::Auth(AuthStat::TOOWEAK) => {
            "it requires Kerberos or a privileged port; allow `sec=sys` and `insecure` in its \
             exports"
        }
        RpcError::Auth(_) => "it does not accept AUTH_SYS; allow `sec=sys` in its exports",
        RpcError::ProgUnavail | RpcError::ProgMismatch { .. } | RpcError::ProcUnavail => {
            "give the host and port of a server that supports NFSv4.1"
        }
        _ => return io::Error::other(error.to_string()),
    };
    io::Error::other(format!("{error}: {advice}"))
}

/// Converts a status to the error a mount would return.
#[cold]
pub(super) fn from_status(status: Status) -> io::Error {
    let errno = match status {
        Status::PERM => Errno::PERM,
        Status::NOENT => Errno::NOENT,
        Status::IO | Status::SERVERFAULT => Errno::IO,
        Status::ACCESS => Errno::ACCESS,
        Status::NOTDIR => Errno::NOTDIR,
        Status::STALE | Status::BADHANDLE | Status::FHEXPIRED => Errno::STALE,
        other => return io::Error::other(other.to_string()),
    };
    errno.into()
}

//! The constants of RFC 8881 (NFSv4.1) that a read-only server needs.

use std::fmt;

/// Declares a newtype over `u32` with the RFC's names for its values.
macro_rules! numbers {
    ($(#[$doc:meta])* $type:ident { $($name:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub u32);

        impl $type {
            $(pub const $name: Self = Self($number);)*

            /// Returns the RFC's name, if the value has one.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

numbers! {
    /// `nfsstat4`, without `NFS4ERR_` (RFC 8881, section 15.1).
    Status {
        OK = 0, PERM = 1, NOENT = 2, IO = 5, ACCESS = 13, NOTDIR = 20, ISDIR = 21, INVAL = 22,
        NAMETOOLONG = 63, STALE = 70, BADHANDLE = 10001, BAD_COOKIE = 10003, NOTSUPP = 10004,
        TOOSMALL = 10005, SERVERFAULT = 10006, DELAY = 10008, EXPIRED = 10011, GRACE = 10013,
        FHEXPIRED = 10014, WRONGSEC = 10016, CLID_INUSE = 10017, RESOURCE = 10018, MOVED = 10019,
        NOFILEHANDLE = 10020, MINOR_VERS_MISMATCH = 10021, STALE_CLIENTID = 10022,
        BAD_STATEID = 10025, NOT_SAME = 10027, SYMLINK = 10029, BADXDR = 10036, BADNAME = 10041,
        OP_ILLEGAL = 10044, BADSESSION = 10052, BADSLOT = 10053, COMPLETE_ALREADY = 10054,
        CONN_NOT_BOUND_TO_SESSION = 10055, SEQ_MISORDERED = 10063, SEQUENCE_POS = 10064,
        REQ_TOO_BIG = 10065, REP_TOO_BIG = 10066, REP_TOO_BIG_TO_CACHE = 10067,
        RETRY_UNCACHED_REP = 10068, TOO_MANY_OPS = 10070, OP_NOT_IN_SESSION = 10071,
        CLIENTID_BUSY = 10074, SEQ_FALSE_RETRY = 10076, BAD_HIGH_SLOT = 10077,
        DEADSESSION = 10078, NOT_ONLY_OP = 10081, WRONG_CRED = 10082, WRONG_TYPE = 10083,
    }
}

numbers! {
    /// `nfs_opnum4` (RFC 8881, section 16.2.2): the supported operations and a few that clients
    /// like to send.
    Op {
        ACCESS = 3, GETATTR = 9, GETFH = 10, LOOKUP = 15, PUTFH = 22, PUTROOTFH = 24, READ = 25,
        READDIR = 26, READLINK = 27, SECINFO = 33, BIND_CONN_TO_SESSION = 41, EXCHANGE_ID = 42,
        CREATE_SESSION = 43, DESTROY_SESSION = 44, SECINFO_NO_NAME = 52, SEQUENCE = 53,
        DESTROY_CLIENTID = 57, RECLAIM_COMPLETE = 58, ILLEGAL = 10044,
    }
}

impl Op {
    /// The first and last operation number of NFSv4.1.
    pub(super) const KNOWN: std::ops::RangeInclusive<u32> = 3..=58;
}

/// Attribute numbers (RFC 8881, section 5.8) of [`Attrs`](super::Attrs).
pub mod attr {
    pub const SUPPORTED_ATTRS: u8 = 0;
    pub const TYPE: u8 = 1;
    pub const FH_EXPIRE_TYPE: u8 = 2;
    pub const CHANGE: u8 = 3;
    pub const SIZE: u8 = 4;
    pub const LINK_SUPPORT: u8 = 5;
    pub const SYMLINK_SUPPORT: u8 = 6;
    pub const NAMED_ATTR: u8 = 7;
    pub const FSID: u8 = 8;
    pub const UNIQUE_HANDLES: u8 = 9;
    pub const LEASE_TIME: u8 = 10;
    pub const RDATTR_ERROR: u8 = 11;
    pub const FILEHANDLE: u8 = 19;
    pub const FILEID: u8 = 20;
    pub const MODE: u8 = 33;
    pub const NUMLINKS: u8 = 35;
    pub const OWNER: u8 = 36;
    pub const OWNER_GROUP: u8 = 37;
    pub const SPACE_USED: u8 = 45;
    pub const TIME_METADATA: u8 = 52;
    pub const TIME_MODIFY: u8 = 53;
    pub const MOUNTED_ON_FILEID: u8 = 55;
    pub const SUPPATTR_EXCLCREAT: u8 = 75;

    pub(in super::super) const ALL: [u8; 23] = [
        SUPPORTED_ATTRS,
        TYPE,
        FH_EXPIRE_TYPE,
        CHANGE,
        SIZE,
        LINK_SUPPORT,
        SYMLINK_SUPPORT,
        NAMED_ATTR,
        FSID,
        UNIQUE_HANDLES,
        LEASE_TIME,
        RDATTR_ERROR,
        FILEHANDLE,
        FILEID,
        MODE,
        NUMLINKS,
        OWNER,
        OWNER_GROUP,
        SPACE_USED,
        TIME_METADATA,
        TIME_MODIFY,
        MOUNTED_ON_FILEID,
        SUPPATTR_EXCLCREAT,
    ];
}

/// `sr_status_flags` (RFC 8881, section 18.46.1) that a read-only client may see.
pub mod status_flag {
    /// Always set for a client without a backchannel.
    pub const CB_PATH_DOWN: u32 = 0x1;
    pub const EXPIRED_ALL_STATE_REVOKED: u32 = 0x8;
    pub const LEASE_MOVED: u32 = 0x80;
    pub const RESTART_RECLAIM_NEEDED: u32 = 0x100;
}

/// ONC RPC (RFC 5531).
pub(super) mod rpc {
    pub(in super::super) const CALL: u32 = 0;
    pub(in super::super) const REPLY: u32 = 1;
    pub(in super::super) const VERSION: u32 = 2;
    pub(in super::super) const NFS: u32 = 100_003;
    pub(in super::super) const NFS_V4: u32 = 4;
    pub(in super::super) const NULL: u32 = 0;
    pub(in super::super) const COMPOUND: u32 = 1;
    pub(in super::super) const AUTH_NONE: u32 = 0;
    pub(in super::super) const AUTH_SYS: u32 = 1;
    /// The bit of a record mark that flags the last fragment.
    pub(in super::super) const LAST: u32 = 1 << 31;
}

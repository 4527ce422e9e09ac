//! The likely reason that EFS does not admit a client. EFS only denies access or closes the connection,
//! and names no reason.

/// Ways in which EFS refuses a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// There was no connection.
    Unreachable,
    /// Connections end before any reply.
    Closed,
    /// The root of the file system cannot be read.
    Denied,
}

/// What a client presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// AUTH_SYS alone.
    Plain,
    /// Through TLS, without an IAM identity.
    Anonymous,
    /// Through TLS, with an IAM identity.
    Signed,
}

/// Returns the likely reasons, the likeliest first, and how to check them.
pub(super) fn of(refused: Refused, client: Client, file_system: &str) -> String {
    let policy = format!("aws efs describe-file-system-policy --file-system-id {file_system}");
    match (refused, client) {
        (Refused::Unreachable, _) => "is this the address of a mount target? Its security group has to \
             let this machine in on port 2049 (aws ec2 describe-security-groups), and its network has \
             to have a route"
            .to_owned(),
        (Refused::Closed, Client::Signed) => "where EFS closes a connection, it does not accept the \
             signature: look at this machine's clock (timedatectl), at the region of the file system \
             (AWS_REGION) and at the credentials (aws sts get-caller-identity); --iam=false connects \
             without"
            .to_owned(),
        (Refused::Closed, Client::Anonymous) => format!(
            "where EFS closes a connection, it may want an IAM identity or know no such access point: \
             see the policy ({policy}), and use --iam"
        ),
        (Refused::Closed, Client::Plain) => format!(
            "the policy of the file system may demand that, or an IAM identity: see it ({policy})"
        ),
        (Refused::Denied, Client::Signed) => format!(
            "the policy of the file system or that of the role has to allow \
             elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: see both ({policy}; aws \
             sts get-caller-identity)"
        ),
        (Refused::Denied, Client::Anonymous) => format!(
            "this client is anonymous, and the policy of the file system may want an IAM identity \
             with elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: see it ({policy}), \
             and use --iam"
        ),
        (Refused::Denied, Client::Plain) => format!(
            "this client is anonymous and without TLS, and the policy of the file system may demand \
             TLS, or an IAM identity with elasticfilesystem:ClientMount, and ClientRootAccess for uid \
             0: see it ({policy}), and use --tls"
        ),
    }
}

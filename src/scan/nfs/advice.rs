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
        (Refused::Unreachable, _) => {
            "is this the address of a mount target? Its security group must \
             allow this machine on port 2049 (aws ec2 describe-security-groups), and this machine \
             needs a route to it"
                .to_owned()
        }
        (Refused::Closed, Client::Signed) => "EFS closes a connection if it does not accept the \
             signature: check this machine's clock (timedatectl), the region of the file system \
             (AWS_REGION) and the credentials (aws sts get-caller-identity); --iam=false connects \
             without a signature"
            .to_owned(),
        (Refused::Closed, Client::Anonymous) => format!(
            "EFS may want an IAM identity, or not know the access point: check the file system's \
             policy ({policy}), and use --iam"
        ),
        (Refused::Closed, Client::Plain) => format!(
            "the file system's policy may require TLS or an IAM identity: check it ({policy})"
        ),
        (Refused::Denied, Client::Signed) => format!(
            "the policy of the file system or the policy of the role must allow \
             elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: check both ({policy}; \
             aws sts get-caller-identity)"
        ),
        (Refused::Denied, Client::Anonymous) => format!(
            "this client is anonymous, and the file system's policy may require an IAM identity with \
             elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: check it ({policy}), and \
             use --iam"
        ),
        (Refused::Denied, Client::Plain) => format!(
            "this client is anonymous and without TLS, and the file system's policy may require TLS, \
             or an IAM identity with elasticfilesystem:ClientMount, and ClientRootAccess for uid 0: \
             check it ({policy}), and use --tls"
        ),
    }
}

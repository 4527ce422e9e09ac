//! What the tests and the measurements run against. Nothing in here knows efs-scan.

//! Reads a Parquet table of homes beside one of an earlier version, and shows their history.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::homes_parquet(data);
});

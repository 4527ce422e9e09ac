//! Reads tables of homes, and shows their history.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::homes_table(data);
});

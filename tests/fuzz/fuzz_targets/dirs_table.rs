//! Reads tables of directories, and shows what changed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::dirs_table(data);
});

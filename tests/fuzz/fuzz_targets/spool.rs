//! Reads a run in the spool, and makes all that is sent of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::spool(data);
});

//! Reads a run in the spool, and makes everything that is sent from it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::spool(data);
});

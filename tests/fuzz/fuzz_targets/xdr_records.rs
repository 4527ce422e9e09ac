//! Reads records and RPC reply headers from a stream that arrives in portions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::scan::fuzzing::records(data);
});

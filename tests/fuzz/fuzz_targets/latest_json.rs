//! Reads `latest.json`, and shows its status.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::fuzzing::latest_json(data);
});

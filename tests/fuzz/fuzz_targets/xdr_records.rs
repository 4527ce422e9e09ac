//! Record marking and the headers of RPC replies, from a stream that comes in portions.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    efs_scan::scan::fuzzing::records(data);
});

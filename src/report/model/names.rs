//! Names and paths of the model, as their original bytes and as text that is safe to show.

use super::*;
use crate::text::{bytes_of, printable};

macro_rules! names {
    ($($type:ident: $text:ident, $base64:ident => $bytes:ident, $printable:ident;)*) => {$(
        impl $type {
            #[doc = concat!("The bytes of `", stringify!($text), "`.")]
            pub fn $bytes(&self) -> Vec<u8> {
                bytes_of(&self.$text, self.$base64.as_deref())
            }

            #[doc = concat!("`", stringify!($text), "` as [`printable`] shows it.")]
            pub fn $printable(&self) -> String {
                printable(&self.$bytes())
            }
        }
    )*};
}

names! {
    Run: root, root_base64 => root_bytes, printable_root;
    HomeReport: name, name_base64 => name_bytes, printable_name;
    Finding: path, path_base64 => path_bytes, printable_path;
    LargeFile: path, path_base64 => path_bytes, printable_path;
    LargeDir: path, path_base64 => path_bytes, printable_path;
    TopLevel: name, name_base64 => name_bytes, printable_name;
    ErrorSample: path, path_base64 => path_bytes, printable_path;
}

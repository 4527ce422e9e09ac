//! Walks over the structures that a Parquet file has between its data, which are in Thrift's compact
//! protocol, without allocating anything.
//!
//! The library allocates memory for what such a structure announces, so [`guard`](super::guard) looks
//! first. See <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// The deepest structure. Those of Parquet are less than ten deep.
const MAX_DEPTH: usize = 16;

/// A value in a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    /// A list with that many elements.
    List(u64),
}

/// Why a structure cannot be walked over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It goes on after the end of the bytes.
    Cut,
    Wrong(String),
}

impl From<&str> for Broken {
    fn from(why: &str) -> Self {
        Self::Wrong(why.to_owned())
    }
}

/// Sees a value of the field whose ids, from the outermost structure on, are the first argument.
pub(super) type See<'a> = dyn FnMut(&[i16], Value) -> Result<(), Broken> + 'a;

/// Walks over the structure at the beginning of `bytes`. Returns its length.
///
/// # Errors
/// It is none, or that of `see`.
pub(super) fn walk(bytes: &[u8], see: &mut See<'_>) -> Result<usize, Broken> {
    let mut walk = Walk { bytes, at: 0, path: Vec::new(), depth: 0, see };
    walk.structure()?;
    Ok(walk.at)
}

struct Walk<'a, 's> {
    bytes: &'a [u8],
    at: usize,
    path: Vec<i16>,
    depth: usize,
    see: &'a mut See<'s>,
}

impl Walk<'_, '_> {
    fn byte(&mut self) -> Result<u8, Broken> {
        let byte = *self.bytes.get(self.at).ok_or(Broken::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip(&mut self, count: u64) -> Result<(), Broken> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left {
            return Err(Broken::Cut);
        }
        self.at += count as usize;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number of more than 64 bits".into())
    }

    fn integer(&mut self) -> Result<i64, Broken> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    fn see(&mut self, value: Value) -> Result<(), Broken> {
        (self.see)(&self.path, value)
    }

    fn structure(&mut self) -> Result<(), Broken> {
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.integer()?).map_err(|_| "the id of a field")?,
                delta => id.checked_add(delta.into()).ok_or("the id of a field")?,
            };
            self.path.push(id);
            match head & 0xf {
                // True and false have no bytes of their own.
                1 | 2 => {}
                of => self.value(of)?,
            }
            self.path.pop();
        }
    }

    fn value(&mut self, of: u8) -> Result<(), Broken> {
        if self.depth == MAX_DEPTH {
            return Err("too many structures in each other".into());
        }
        self.depth += 1;
        let value = self.value_of(of);
        self.depth -= 1;
        value
    }

    fn value_of(&mut self, of: u8) -> Result<(), Broken> {
        match of {
            1..=3 => self.skip(1),
            4..=6 => {
                let value = self.integer()?;
                self.see(Value::Integer(value))
            }
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.varint()?,
                    count => count.into(),
                };
                self.see(Value::List(count))?;
                // Each element has a byte at least, so the end of the bytes ends the loop.
                (0..count).try_for_each(|_| self.value(head & 0xf))
            }
            12 => self.structure(),
            13 => self.skip(16),
            // Parquet has no maps.
            _ => Err("a value of an unknown type".into()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on fails.
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Number of bytes read, and the values with the numbers of the fields that lead to them.
    type Seen = (usize, Vec<(Vec<i16>, Value)>);

    fn seen(bytes: &[u8]) -> Result<Seen, Broken> {
        let mut seen = Vec::new();
        let length = walk(bytes, &mut |path, value| {
            seen.push((path.to_vec(), value));
            Ok(())
        })?;
        Ok((length, seen))
    }

    #[test]
    fn values_have_the_ids_of_their_fields() {
        // 1: i32 -3, 4: true, 5: { 2: list of two i64 }, 40: text.
        let bytes = [0x15, 5, 0x31, 0x1c, 0x29, 0x26, 2, 0x80, 1, 0, 0x08, 80, 2, b'h', b'i', 0, 9];
        let want = vec![
            (vec![1], Value::Integer(-3)),
            (vec![5, 2], Value::List(2)),
            (vec![5, 2], Value::Integer(1)),
            (vec![5, 2], Value::Integer(64)),
        ];
        assert_eq!(seen(&bytes), Ok((bytes.len() - 1, want)));
        for cut in 0..bytes.len() - 1 {
            assert_eq!(seen(&bytes[..cut]).unwrap_err(), Broken::Cut, "{cut}");
        }
    }

    #[test]
    fn endless_structures_are_refused() {
        assert!(matches!(seen(&[0x1c; 1000]), Err(Broken::Wrong(_))));
        // A list of lists of lists.
        assert!(matches!(seen(&[&[0x19], &[0x19; 100_000][..]].concat()), Err(Broken::Wrong(_))));
        // A list of 2^56 bytes.
        let list = [0x19, 0xf3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0];
        assert_eq!(seen(&list).unwrap_err(), Broken::Cut);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((length, _)) = seen(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}

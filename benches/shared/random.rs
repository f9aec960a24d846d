//! Numbers in no order, and the same in every run.

/// A xorshift generator: enough for inputs that no predictor of branches or caches learns.
///
/// # Examples
///
/// ```
/// use nilometer_benches::Random;
///
/// assert_eq!(Random::new().below(1000), Random::new().below(1000));
/// ```
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator at its beginning.
    #[must_use]
    pub fn new() -> Random {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    /// The next number.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // The upper half is the better one.
        u32::try_from(self.bits() >> 32).unwrap_or(0) % end
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            let end = u32::try_from(index + 1).unwrap_or(u32::MAX);
            items.swap(index, usize::try_from(self.below(end)).unwrap_or(0));
        }
    }
}

impl Default for Random {
    fn default() -> Random {
        Random::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_every_item_and_no_order() {
        let mut items: Vec<u64> = (0..1000).collect();
        Random::new().shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1000));
    }
}

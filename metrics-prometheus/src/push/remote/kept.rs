//! Byte strings that are kept, each once.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

/// Byte strings by number, found by their content. Each knows the round in which it was seen last.
///
/// One costs 12 bytes and its own in lists, and about 8 in a table. Its place and its number are given to others once it is
/// forgotten, so that memory depends on how many there were at once.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The numbers of those that are there, by what they are.
    numbers: HashTable<u32>,
    /// The numbers of those that are not.
    free: Vec<u32>,
    /// How many of the bytes are those of none.
    unused: usize,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    length: u32,
    /// The round in which it was seen last; [`NEVER`] for one that is not there.
    round: u32,
}

/// No round.
const NEVER: u32 = 0;

/// The round after this one.
pub(super) fn next_round(round: u32) -> u32 {
    round.checked_add(1).unwrap_or(NEVER + 1)
}

impl Kept {
    /// The number of what is seen in this round; `None` where all of it together is too long, past 4 GiB.
    pub(super) fn see(&mut self, bytes: &[u8], round: u32) -> Option<u32> {
        let Kept { bytes: all, entries, numbers, free, hasher, .. } = self;
        let hash = hasher.hash_one(bytes);
        let slot = numbers.entry(
            hash,
            |&number| of(all, entries, number) == bytes,
            |&number| hasher.hash_one(of(all, entries, number)),
        );
        let number = match slot {
            Slot::Occupied(found) => {
                let number = *found.get();
                entries[number as usize].round = round;
                return Some(number);
            }
            Slot::Vacant(vacant) => {
                let (start, length) = (u32::try_from(all.len()).ok()?, u32::try_from(bytes.len()).ok()?);
                start.checked_add(length)?;
                let entry = Entry { start, length, round };
                let number = if let Some(number) = free.pop() {
                    entries[number as usize] = entry;
                    number
                } else {
                    let number = u32::try_from(entries.len()).ok()?;
                    entries.push(entry);
                    number
                };
                vacant.insert(number);
                number
            }
        };
        all.extend_from_slice(bytes);
        Some(number)
    }

    /// What has this number.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        of(&self.bytes, &self.entries, number)
    }

    /// The numbers of all that are there and were not seen in this round.
    pub(super) fn unseen(&self, round: u32) -> impl Iterator<Item = u32> {
        (0_u32..)
            .zip(&self.entries)
            .filter(move |(_, entry)| entry.is_unseen(round))
            .map(|(number, _)| number)
    }

    /// Forgets all that were not seen in this round.
    pub(super) fn forget_unseen(&mut self, round: u32) {
        let Kept { bytes, entries, numbers, free, unused, .. } = self;
        numbers.retain(|&mut number| {
            let entry = &mut entries[number as usize];
            let is_unseen = entry.is_unseen(round);
            if is_unseen {
                *unused += entry.length as usize;
                entry.round = NEVER;
                free.push(number);
            }
            !is_unseen
        });
        if self.unused > bytes.len() / 2 {
            self.pack();
        }
        fit(&mut self.bytes);
        fit(&mut self.entries);
    }

    /// Gives back what is used by none.
    fn pack(&mut self) {
        let mut packed = Vec::with_capacity(self.bytes.len() - self.unused);
        for entry in self.entries.iter_mut().filter(|entry| entry.round != NEVER) {
            let start = entry.start as usize;
            // Shorter than before, when its length was one of these.
            entry.start = u32::try_from(packed.len()).unwrap_or(u32::MAX);
            packed.extend_from_slice(&self.bytes[start..start + entry.length as usize]);
        }
        self.bytes = packed;
        self.unused = 0;
        let Kept { bytes, entries, numbers, hasher, .. } = self;
        numbers.shrink_to(0, |&number| hasher.hash_one(of(bytes, entries, number)));
    }
}

impl Entry {
    fn is_unseen(&self, round: u32) -> bool {
        self.round != round && self.round != NEVER
    }
}

/// Gives back what a list has grown too large: it changes little from now on.
pub(super) fn fit<T>(list: &mut Vec<T>) {
    let enough = list.len() + list.len() / 8;
    if list.capacity() > enough + enough / 8 {
        list.shrink_to(enough);
    }
}

fn of<'a>(bytes: &'a [u8], entries: &[Entry], number: u32) -> &'a [u8] {
    let Entry { start, length, .. } = entries[number as usize];
    &bytes[start as usize..][..length as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_forgotten_and_the_rest_stays_what_it_is() {
        let mut kept = Kept::default();
        let name = |index: u32| format!("text {index}").into_bytes();
        let first: Vec<u32> = (0..1000).map(|index| kept.see(&name(index), 1).unwrap()).collect();
        assert_eq!(kept.see(&name(7), 1), Some(first[7]), "once");
        for index in (0..1000).step_by(3) {
            assert_eq!(kept.see(&name(index), 2), Some(first[index as usize]));
        }
        let unseen: Vec<u32> = kept.unseen(2).collect();
        let expected: Vec<u32> = (0..1000).filter(|index| index % 3 != 0).collect();
        assert_eq!(unseen, expected);
        kept.forget_unseen(2);
        assert_eq!(kept.unseen(2).count(), 0);
        for index in (0..1000).step_by(3) {
            assert_eq!(kept.get(first[index as usize]), name(index));
            assert_eq!(kept.see(&name(index), 3), Some(first[index as usize]));
        }
        assert!(unseen.contains(&kept.see(b"new", 3).unwrap()), "a number is used again");
    }

    #[test]
    fn memory_does_not_grow_with_what_was_there_once() {
        let mut kept = Kept::default();
        for round in 1..200 {
            for index in 0..100 {
                kept.see(format!("text {index} of round {round}").as_bytes(), round).unwrap();
            }
            kept.forget_unseen(round);
        }
        assert!(kept.entries.len() <= 200, "{}", kept.entries.len());
        assert!(kept.bytes.len() < 10_000, "{}", kept.bytes.len());
    }

    #[test]
    fn rounds_go_on_past_the_last_number() {
        assert_eq!((next_round(0), next_round(u32::MAX)), (1, 1));
    }
}

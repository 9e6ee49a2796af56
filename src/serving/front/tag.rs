//! What a request's number tells of it, so that nothing has to be looked up, and no memory kept, for each of them.

/// What a front must know of a request that a replica speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    /// Index of its label set.
    pub labels: u16,
    /// Index of its source; below 2¹⁴.
    pub source: u16,
    /// How often it was sent again.
    pub tries: u8,
    /// 0 is the most urgent.
    pub priority: u8,
    /// A copy that nobody waits for.
    pub shadow: bool,
}

/// Marks the number of a request whose prompt was read elsewhere; the rest of it is a place among those.
const HANDED_OFF: u64 = 1 << 63;

impl Tag {
    pub const fn id(self) -> u64 {
        self.labels as u64
            | (self.source as u64) << 16
            | (self.tries as u64) << 32
            | (self.priority as u64) << 40
            | (self.shadow as u64) << 48
    }

    pub const fn of(id: u64) -> Tag {
        Tag {
            labels: id as u16,
            source: (id >> 16) as u16,
            tries: (id >> 32) as u8,
            priority: (id >> 40) as u8,
            shadow: (id >> 48) & 1 == 1,
        }
    }

    /// The number of a request that is decoded where its prompt was not read.
    pub const fn handed_off(place: u32) -> u64 {
        HANDED_OFF | place as u64
    }

    /// Its place, if a number is one of those.
    pub const fn place(id: u64) -> Option<u32> {
        if id & HANDED_OFF == 0 { None } else { Some(id as u32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_from_its_number() {
        for tag in [
            Tag::default(),
            Tag { labels: u16::MAX, source: (1 << 14) - 1, tries: 200, priority: 255, shadow: true },
            Tag { labels: 3, source: 7, tries: 1, priority: 127, shadow: false },
        ] {
            assert_eq!((Tag::of(tag.id()), Tag::place(tag.id())), (tag, None));
        }
        assert_eq!(Tag::place(Tag::handed_off(u32::MAX)), Some(u32::MAX));
    }
}

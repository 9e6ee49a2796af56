//! Memory slices as a bit mask.

/// A set of memory slices: bit `i` is slice `i`. Wide enough for every grid there is (12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slices(pub u16);

/// The widest grid that [`Slices`] can hold.
pub const MAX_WIDTH: u8 = 16;

impl Slices {
    /// None of them.
    pub const NONE: Slices = Slices(0);

    /// `size` slices from `start` on; those beyond [`MAX_WIDTH`] are left out.
    #[must_use]
    pub const fn run(start: u8, size: u8) -> Slices {
        if start >= MAX_WIDTH {
            return Slices::NONE;
        }
        let ones = if size >= MAX_WIDTH { u16::MAX as u32 } else { (1_u32 << size) - 1 };
        Slices(((ones << start) & u16::MAX as u32) as u16)
    }

    /// These starts, each as a slice; those beyond [`MAX_WIDTH`] are left out.
    #[must_use]
    pub fn of(list: &[u8]) -> Slices {
        list.iter().fold(Slices::NONE, |s, i| s.with(Slices::run(*i, 1)))
    }

    /// Whether the slice is one of them.
    #[must_use]
    pub const fn has(self, slice: u8) -> bool {
        slice < MAX_WIDTH && self.0 >> slice & 1 == 1
    }

    /// Whether any slice is in both.
    #[must_use]
    pub const fn overlaps(self, other: Slices) -> bool {
        self.0 & other.0 != 0
    }

    /// Those in either.
    #[must_use]
    pub const fn with(self, other: Slices) -> Slices {
        Slices(self.0 | other.0)
    }

    /// Those not in the other.
    #[must_use]
    pub const fn without(self, other: Slices) -> Slices {
        Slices(self.0 & !other.0)
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.0.count_ones() as u8
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let i = rest.trailing_zeros() as u8;
                rest &= rest - 1;
                i
            })
        })
    }

    /// Slice 0 first: `#` for each of them, `.` for each other one of `width`.
    #[must_use]
    pub fn text(self, width: u8) -> String {
        (0..width).map(|i| if self.has(i) { '#' } else { '.' }).collect()
    }

    /// Reads [`Slices::text`]; `None` for other letters or more than [`MAX_WIDTH`] of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Slices> {
        if text.len() > usize::from(MAX_WIDTH) {
            return None;
        }
        text.bytes().enumerate().try_fold(Slices::NONE, |s, (i, c)| match c {
            b'#' => Some(s.with(Slices(1 << i))),
            b'.' => Some(s),
            _ => None,
        })
    }
}

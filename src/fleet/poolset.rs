//! Pools and islands by index, and sets of pools.

/// Index of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u16);

/// Index of an island: nodes within one fast fabric (a rack, an NVLink domain, a placement group).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IslandId(pub u32);

/// A set of at most [`PoolSet::MAX`] pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolSet(pub u128);

impl PoolSet {
    /// The most pools a fleet may have.
    pub const MAX: usize = 128;
    /// No pool.
    pub const EMPTY: PoolSet = PoolSet(0);
    /// Every pool.
    pub const ALL: PoolSet = PoolSet(u128::MAX);

    /// The set of one pool.
    #[must_use]
    pub const fn only(p: PoolId) -> PoolSet {
        PoolSet(1 << p.0)
    }
    /// The first `n` pools.
    #[must_use]
    pub const fn first(n: usize) -> PoolSet {
        if n >= PoolSet::MAX { PoolSet::ALL } else { PoolSet((1 << n) - 1) }
    }
    /// Whether `p` is in it.
    #[must_use]
    pub const fn has(self, p: PoolId) -> bool {
        self.0 >> p.0 & 1 == 1
    }
    /// With `p` added.
    #[must_use]
    pub const fn with(self, p: PoolId) -> PoolSet {
        PoolSet(self.0 | 1 << p.0)
    }
    /// What is in both.
    #[must_use]
    pub const fn and(self, o: PoolSet) -> PoolSet {
        PoolSet(self.0 & o.0)
    }
    /// What is in either.
    #[must_use]
    pub const fn or(self, o: PoolSet) -> PoolSet {
        PoolSet(self.0 | o.0)
    }
    /// What is in it and not in the other.
    #[must_use]
    pub const fn without(self, o: PoolSet) -> PoolSet {
        PoolSet(self.0 & !o.0)
    }
    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Its members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = PoolId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let i = rest.trailing_zeros();
                rest &= rest - 1;
                PoolId(i as u16)
            })
        })
    }
}

//! Amounts of compute and memory, each with its unit in its name.

/// Thousandths of a GPU: 1000 is a whole one, 250 a quarter share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MilliGpu(pub u32);

/// Thousandths of a CPU core, as Kubernetes counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MilliCpu(pub u32);

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Mebibytes, rounded up: what a request for memory takes from a node.
    #[must_use]
    pub const fn mib_ceil(self) -> u64 {
        self.0.div_ceil(1 << 20)
    }
}

/// A number from 0 to 1, both included, never NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    /// None of it.
    pub const ZERO: Fraction = Fraction(0.0);
    /// Half of it.
    pub const HALF: Fraction = Fraction(0.5);
    /// All of it.
    pub const ONE: Fraction = Fraction(1.0);

    /// `None` unless `0 ≤ f ≤ 1`.
    #[must_use]
    pub fn new(f: f64) -> Option<Fraction> {
        (0.0..=1.0).contains(&f).then_some(Fraction(f))
    }

    /// As a float.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Parts in a million, rounded: the form in which shares enter exact integer accounts.
    #[must_use]
    pub fn ppm(self) -> u32 {
        (self.0 * 1e6).round() as u32
    }
}

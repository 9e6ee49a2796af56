//! Label requirements: sets of values, their intersections, and when two groups of them go together.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/scheduling/{requirement,requirements}.go`. Keys and values are numbers that the
//! caller hands out; `Gt` and `Lt` are the values that satisfy them.

/// A label's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

/// A label's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub u32);

impl Key {
    /// `topology.kubernetes.io/zone`.
    pub const ZONE: Key = Key(0);
    /// `karpenter.sh/capacity-type`; its values are those of `CapacityType::value`.
    pub const CAPACITY_TYPE: Key = Key(1);
    /// `node.kubernetes.io/instance-type`; a value is the type's number.
    pub const INSTANCE_TYPE: Key = Key(2);
    /// The first key that is not well known: a node pool that does not define it has no node with it.
    pub const FIRST_CUSTOM: Key = Key(64);

    /// Whether any node may turn out to have it though its node pool does not mention it (well-known labels: zone,
    /// architecture, family and the like). Numbers below [`Key::FIRST_CUSTOM`].
    #[must_use]
    pub const fn well_known(self) -> bool {
        self.0 < Key::FIRST_CUSTOM.0
    }
}

/// What a label may be: some values, or all but some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set {
    /// Whether `values` are those that it may not be.
    complement: bool,
    /// Ascending, each once.
    values: Vec<Value>,
}

impl Set {
    fn new(complement: bool, values: impl IntoIterator<Item = Value>) -> Set {
        let mut values: Vec<Value> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        Set { complement, values }
    }
    /// `In`.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = Value>) -> Set {
        Set::new(false, values)
    }
    /// `NotIn`.
    #[must_use]
    pub fn not(values: impl IntoIterator<Item = Value>) -> Set {
        Set::new(true, values)
    }
    /// `Exists`.
    #[must_use]
    pub const fn any() -> Set {
        Set { complement: true, values: Vec::new() }
    }
    /// `DoesNotExist`.
    #[must_use]
    pub const fn none() -> Set {
        Set { complement: false, values: Vec::new() }
    }
    /// Whether it may be `value`.
    #[must_use]
    pub fn has(&self, value: Value) -> bool {
        self.values.binary_search(&value).is_ok() != self.complement
    }
    /// The values of an `In`; none of any other.
    #[must_use]
    pub fn listed(&self) -> &[Value] {
        if self.complement { &[] } else { &self.values }
    }
    /// Whether a label that is not there satisfies it: `NotIn` and `DoesNotExist`.
    #[must_use]
    pub fn holds_without_label(&self) -> bool {
        self.complement != self.values.is_empty()
    }
    /// What satisfies both.
    #[must_use]
    pub fn and(&self, other: &Set) -> Set {
        let (a, b) = (self, other);
        match (a.complement, b.complement) {
            (true, true) => Set::not(a.values.iter().chain(&b.values).copied()),
            (false, _) => Set { complement: false, values: a.values.iter().copied().filter(|v| b.has(*v)).collect() },
            (true, false) => b.and(a),
        }
    }
    /// Whether some value satisfies both.
    #[must_use]
    pub fn meets(&self, other: &Set) -> bool {
        match (self.complement, other.complement) {
            (true, true) => true,
            (false, _) => self.values.iter().any(|v| other.has(*v)),
            (true, false) => other.meets(self),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Requirement {
    key: Key,
    set: Set,
    min_values: Option<u32>,
}

/// Requirements on several labels, one for each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirements(Vec<Requirement>);

impl Requirements {
    /// None at all.
    #[must_use]
    pub const fn new() -> Requirements {
        Requirements(Vec::new())
    }
    /// These and one more: `key` in `set`.
    #[must_use]
    pub fn with(mut self, key: Key, set: Set) -> Requirements {
        self.add(key, &set, None);
        self
    }
    /// These and one more, whose types must offer at least `min_values` different values (`minValues`).
    #[must_use]
    pub fn with_min(mut self, key: Key, set: Set, min_values: u32) -> Requirements {
        self.add(key, &set, Some(min_values));
        self
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// What is required of `key`; `None` if nothing is.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Set> {
        self.0.iter().find(|r| r.key == key).map(|r| &r.set)
    }
    /// Whether a label `key` may be `value`; a key without requirement may be anything.
    #[must_use]
    pub fn allows(&self, key: Key, value: Value) -> bool {
        self.get(key).is_none_or(|set| set.has(value))
    }
    /// The keys with `minValues`, and how many values each needs.
    pub fn min_values(&self) -> impl Iterator<Item = (Key, u32)> {
        self.0.iter().filter_map(|r| Some((r.key, r.min_values?)))
    }
    fn add(&mut self, key: Key, set: &Set, min_values: Option<u32>) {
        match self.0.binary_search_by_key(&key, |r| r.key) {
            Ok(i) => {
                let have = &mut self.0[i];
                have.set = have.set.and(set);
                have.min_values = have.min_values.max(min_values);
            }
            Err(i) => self.0.insert(i, Requirement { key, set: set.clone(), min_values }),
        }
    }
    /// Narrows these by `other`.
    pub fn narrow(&mut self, other: &Requirements) {
        for r in &other.0 {
            self.add(r.key, &r.set, r.min_values);
        }
    }
    /// Whether no key that both name excludes the other. Two that both hold without the label do not exclude each other.
    #[must_use]
    pub fn intersects(&self, other: &Requirements) -> bool {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            match x.key.cmp(&y.key) {
                std::cmp::Ordering::Less => _ = a.next(),
                std::cmp::Ordering::Greater => _ = b.next(),
                std::cmp::Ordering::Equal => {
                    let both_absent = x.set.holds_without_label() && y.set.holds_without_label();
                    if !both_absent && !x.set.meets(&y.set) {
                        return false;
                    }
                    a.next();
                    b.next();
                }
            }
        }
        true
    }
    /// Whether what has these (a node, a node pool) can serve `other` (a pod). A key that these do not define must be
    /// one that holds without the label, or, with `well_known`, a well-known one.
    #[must_use]
    pub fn serves(&self, other: &Requirements, well_known: bool) -> bool {
        let defined = |r: &Requirement| self.0.binary_search_by_key(&r.key, |x| x.key).is_ok();
        let undefined_ok = |r: &Requirement| (well_known && r.key.well_known()) || r.set.holds_without_label();
        other.0.iter().all(|r| defined(r) || undefined_ok(r)) && self.intersects(other)
    }
    /// These with `key` in `set`, whatever was required of it.
    #[must_use]
    pub fn replaced(&self, key: Key, set: Set) -> Requirements {
        let others = self.0.iter().filter(|r| r.key != key).cloned();
        Requirements(others.collect()).with(key, set)
    }
    /// Lowers `minValues` to what there is (`BestEffort`).
    pub(super) fn lower_min_values(&mut self, short: &[(Key, u32)]) {
        for r in &mut self.0 {
            if let Some((_, have)) = short.iter().find(|(key, _)| *key == r.key) {
                r.min_values = Some(*have);
            }
        }
    }
}

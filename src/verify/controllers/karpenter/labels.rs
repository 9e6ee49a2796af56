//! Labels, their values and requirements on them, as numbers.

use std::collections::BTreeMap;

use crate::policy::karpenter::{CapacityType, Key, Requirements, Set, Value};
use crate::verify::cases::Report;
use crate::verify::controllers::format as f;
use crate::verify::controllers::names::Names;

/// The labels with numbers of their own.
const FIXED: [&str; 3] =
    ["topology.kubernetes.io/zone", "karpenter.sh/capacity-type", "node.kubernetes.io/instance-type"];
/// Other labels that any node may turn out to have.
const WELL_KNOWN: [&str; 4] =
    ["kubernetes.io/arch", "kubernetes.io/os", "topology.kubernetes.io/region", "node.kubernetes.io/windows-build"];
/// The provider's are well known too.
const PROVIDER: &str = "karpenter.k8s.aws/";

/// The label of a node's pool.
pub const POOL: &str = "karpenter.sh/nodepool";

/// The value of a capacity type.
pub const fn capacity(c: &f::Capacity) -> CapacityType {
    match c {
        f::Capacity::OnDemand => CapacityType::OnDemand,
        f::Capacity::Spot => CapacityType::Spot,
        f::Capacity::Reserved => CapacityType::Reserved,
    }
}

/// Keys and values of a case.
#[derive(Debug)]
pub struct Labels {
    keys: BTreeMap<String, Key>,
    well_known: u32,
    custom: u32,
    /// By key.
    values: BTreeMap<Key, Names>,
    /// Names of types, whose numbers are values.
    types: Names,
}

impl Labels {
    /// Of a case with these types.
    pub fn new(types: Names, well_known: &[String]) -> Labels {
        let mut all = Labels {
            keys: BTreeMap::new(),
            well_known: FIXED.len() as u32,
            custom: Key::FIRST_CUSTOM.0,
            values: BTreeMap::new(),
            types,
        };
        for (name, key) in FIXED.into_iter().zip([Key::ZONE, Key::CAPACITY_TYPE, Key::INSTANCE_TYPE]) {
            all.keys.insert(name.to_owned(), key);
        }
        for name in WELL_KNOWN.into_iter().chain(well_known.iter().map(String::as_str)) {
            all.known(name);
        }
        all
    }

    fn known(&mut self, name: &str) -> Key {
        if let Some(key) = self.keys.get(name) {
            return *key;
        }
        // Beyond what has room they are custom labels; no case has that many.
        let next = if self.well_known < Key::FIRST_CUSTOM.0 { &mut self.well_known } else { &mut self.custom };
        let key = Key(*next);
        *next += 1;
        self.keys.insert(name.to_owned(), key);
        key
    }

    /// The number of a label.
    pub fn key(&mut self, name: &str) -> Key {
        if name.starts_with(PROVIDER) {
            return self.known(name);
        }
        if let Some(key) = self.keys.get(name) {
            return *key;
        }
        let key = Key(self.custom);
        self.custom += 1;
        self.keys.insert(name.to_owned(), key);
        key
    }

    /// The number of a value of a label.
    pub fn value(&mut self, key: Key, name: &str) -> Value {
        if key == Key::CAPACITY_TYPE {
            return match name {
                "on-demand" => CapacityType::OnDemand.value(),
                "spot" => CapacityType::Spot.value(),
                "reserved" => CapacityType::Reserved.value(),
                _ => Value(u32::MAX),
            };
        }
        if key == Key::INSTANCE_TYPE {
            // A type that the case does not have.
            return Value(self.types.get(name).unwrap_or(u32::MAX));
        }
        Value(self.values.entry(key).or_insert_with(|| Names::new("value")).intern(name))
    }

    /// The number of a zone.
    pub fn zone(&mut self, name: &str) -> Value {
        self.value(Key::ZONE, name)
    }

    /// The names of zones that requirements allow, of those that the case has.
    pub fn zones(&self, r: &Requirements) -> Vec<String> {
        let Some(all) = self.values.get(&Key::ZONE) else { return Vec::new() };
        let allowed = (0..all.len() as u32).filter(|v| r.allows(Key::ZONE, Value(*v)));
        allowed.map(|v| all.name(v).to_owned()).collect()
    }

    /// The name of a zone.
    pub fn zone_name(&self, v: Value) -> String {
        self.values.get(&Key::ZONE).map_or_else(String::new, |all| all.name(v.0).to_owned())
    }

    /// Labels that are there.
    pub fn labels(&mut self, list: &[(String, String)]) -> Requirements {
        let mut by_key: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
        for (key, value) in list {
            let key = self.key(key);
            let value = self.value(key, value);
            by_key.entry(key).or_default().push(value);
        }
        by_key.into_iter().fold(Requirements::new(), |all, (key, values)| all.with(key, Set::of(values)))
    }

    /// Hears of the values of a requirement, so that `Gt` and `Lt` know them.
    pub fn hear(&mut self, r: &f::Requirement) {
        if matches!(r.operator, f::Operator::In | f::Operator::NotIn) {
            let key = self.key(&r.key);
            r.values.iter().for_each(|v| _ = self.value(key, v));
        }
    }

    /// Requirements; `None`, reported, if one makes no sense.
    pub fn requirements(&mut self, list: &[f::Requirement], report: &mut Report<'_>) -> Option<Requirements> {
        let mut all = Requirements::new();
        for r in list {
            let key = self.key(&r.key);
            let set = match (&r.operator, &r.values[..]) {
                (f::Operator::In, [_, ..]) => Set::of(r.values.iter().map(|v| self.value(key, v)).collect::<Vec<_>>()),
                (f::Operator::NotIn, [_, ..]) => {
                    Set::not(r.values.iter().map(|v| self.value(key, v)).collect::<Vec<_>>())
                }
                (f::Operator::Exists, []) => Set::any(),
                (f::Operator::DoesNotExist, []) => Set::none(),
                (f::Operator::Gt | f::Operator::Lt, [bound]) => {
                    let Ok(limit) = bound.value.parse::<i64>() else {
                        let message = format!("`{}` is not a whole number", bound.value);
                        report.fault_at(bound.at, message, "compared with", "`Gt` and `Lt` compare whole numbers");
                        return None;
                    };
                    let above = matches!(r.operator, f::Operator::Gt);
                    Set::of(self.compared(key, limit, above))
                }
                (operator, values) => {
                    use crate::scenario::decode::Decode;
                    let message = format!("`{}` of `{}` with {} values", operator.show(), r.key, values.len());
                    let help = "`In` and `NotIn` have some, `Exists` and `DoesNotExist` none, `Gt` and `Lt` one";
                    match values.first() {
                        Some(v) => report.fault_at(v.at, message, "these values", help),
                        None => report.fault(message, help),
                    }
                    return None;
                }
            };
            all = match r.min_values {
                Some(min) => all.with_min(key, set, min),
                None => all.with(key, set),
            };
        }
        Some(all)
    }

    fn compared(&self, key: Key, limit: i64, above: bool) -> Vec<Value> {
        let Some(names) = self.values.get(&key) else { return Vec::new() };
        let holds = |v: &u32| names.name(*v).parse::<i64>().is_ok_and(|n| if above { n > limit } else { n < limit });
        (0..names.len() as u32).filter(holds).map(Value).collect()
    }
}

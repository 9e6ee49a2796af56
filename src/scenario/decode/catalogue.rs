//! What the types of a file shape are, as data: the ground for the JSON Schema and the field reference.

use indexmap::IndexMap;

use super::Decode;
use super::scalar::ScalarDef;

/// A reference to a type.
#[derive(Clone, Debug)]
pub enum TypeRef {
    /// A value without parts.
    Scalar(&'static ScalarDef),
    /// `[T, …]`.
    List(Box<TypeRef>),
    /// `(name: T, …)` with names that the author chooses.
    Map(Box<TypeRef>),
    /// `(A, B)`.
    Tuple(Vec<TypeRef>),
    /// May be left out.
    Optional(Box<TypeRef>),
    /// A record or choice, by its key in the [`Catalogue`].
    Named(&'static str),
}

/// All records and choices, in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    types: IndexMap<&'static str, TypeDef>,
}

/// A record or choice.
#[derive(Clone, Debug)]
pub struct TypeDef {
    /// The name that messages and the reference use. Unique: a second type of one name gets a number.
    pub name: String,
    /// What it is.
    pub docs: String,
    /// Its parts.
    pub shape: Shape,
}

/// The parts of a type.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Being described: a type that holds itself.
    Pending,
    /// Fields in the order of the definition.
    Record(Vec<FieldDef>),
    /// Variants in the order of the definition.
    Choice(Vec<VariantDef>),
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct FieldDef {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub docs: String,
    /// Its type.
    pub ty: TypeRef,
    /// What it is when left out.
    pub default: Option<DefaultDef>,
}

/// A default.
#[derive(Clone, Debug)]
pub struct DefaultDef {
    /// As one would write it.
    pub text: String,
    /// Where it comes from.
    pub source: &'static str,
}

/// A variant of a choice.
#[derive(Clone, Debug)]
pub struct VariantDef {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub docs: String,
    /// Whether a plain number stands for it.
    pub number: bool,
    /// What it holds: nothing, one value, or several in order.
    pub holds: Vec<TypeRef>,
}

impl FieldDef {
    /// Whether a record without it is refused.
    #[must_use]
    pub fn required(&self) -> bool {
        self.default.is_none() && !matches!(self.ty, TypeRef::Optional(_))
    }
}

impl Catalogue {
    /// All types that `T` is made of, and `T` itself.
    #[must_use]
    pub fn of<T: Decode>() -> (Catalogue, TypeRef) {
        let mut catalogue = Catalogue::default();
        let root = T::describe(&mut catalogue);
        (catalogue, root)
    }

    /// Describes a record or choice once; a type may hold itself.
    pub fn named(
        &mut self,
        key: &'static str,
        name: &str,
        docs: &[&str],
        shape: impl FnOnce(&mut Catalogue) -> Shape,
    ) -> TypeRef {
        if !self.types.contains_key(key) {
            let twins = self.types.values().filter(|t| t.name.trim_end_matches(char::is_numeric) == name).count();
            let name = if twins == 0 { name.to_owned() } else { format!("{name}{}", twins + 1) };
            self.types.insert(key, TypeDef { name, docs: paragraph(docs), shape: Shape::Pending });
            let shape = shape(self);
            if let Some(def) = self.types.get_mut(key) {
                def.shape = shape;
            }
        }
        TypeRef::Named(key)
    }

    /// A type by its key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&TypeDef> {
        self.types.get(key)
    }

    /// All types, keyed.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &TypeDef)> {
        self.types.iter().map(|(k, t)| (*k, t))
    }

    /// Whether a type is a record that can be written as `()`: no field is required.
    #[must_use]
    pub fn all_defaults(&self, ty: &TypeRef) -> bool {
        match ty {
            TypeRef::Named(key) => match self.get(key).map(|t| &t.shape) {
                Some(Shape::Record(fields)) => !fields.iter().any(FieldDef::required),
                _ => false,
            },
            _ => false,
        }
    }
}

/// A field's name as it is written: `type` for the Rust name `r#type`.
#[must_use]
pub const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Doc lines as one paragraph.
#[must_use]
pub fn paragraph(lines: &[&str]) -> String {
    let words: Vec<&str> = lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()).collect();
    words.join(" ")
}

/// A record as RON; fields that are `None` are left out.
#[must_use]
pub fn show_record(fields: &[(&str, String)]) -> String {
    let all: Vec<String> =
        fields.iter().filter(|(_, value)| value != "None").map(|(name, value)| format!("{name}: {value}")).collect();
    format!("({})", all.join(", "))
}

/// A variant that holds one value, as RON: a record brings its own brackets, and none when it is empty.
#[must_use]
pub fn show_variant<T: Decode>(name: &str, value: &T) -> String {
    match (T::RECORD, value.show()) {
        (true, shown) if shown == "()" => name.to_owned(),
        (true, shown) => format!("{name}{shown}"),
        (false, shown) => format!("{name}({shown})"),
    }
}

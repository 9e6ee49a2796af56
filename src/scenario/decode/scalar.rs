//! Values without parts: what they share in reading, and in saying what would have been right.

use serde_json::json;

use super::{Cx, Decode};
use crate::formats::{Node, Value};

/// How a kind of value is explained: in messages, in the schema and in the reference.
#[derive(Debug)]
pub struct ScalarDef {
    /// `duration`.
    pub name: &'static str,
    /// With its article, as messages say it: `a duration`.
    pub what: &'static str,
    /// How to write it, as a piece of a sentence: `"2h 30m", "90s" or "31d"`.
    pub examples: &'static str,
    /// What it is and what is refused.
    pub meaning: &'static str,
    /// Its JSON Schema, without a description.
    pub schema: fn() -> serde_json::Value,
}

/// A scalar as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// With or without quotes, and as what.
    pub form: Form,
    /// The words.
    pub text: &'a str,
    /// From an override, where quotes may be left out.
    pub loose: bool,
}

/// The form of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number.
    Number,
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
}

/// Why a scalar is refused: the words under the caret, and advice beyond the examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Under the caret; empty where "expected …" says it.
    pub label: String,
    /// What to write instead.
    pub help: String,
}

impl Refusal {
    /// It is simply something else.
    #[must_use]
    pub fn other() -> Refusal {
        Refusal::default()
    }

    /// With words under the caret.
    #[must_use]
    pub fn because(label: impl Into<String>) -> Refusal {
        Refusal { label: label.into(), help: String::new() }
    }

    /// With advice.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Refusal {
        Refusal { help: help.into(), ..self }
    }
}

/// A type that is read from one word, number or text.
pub trait Scalar: Sized {
    /// How it is explained.
    const DEF: ScalarDef;

    /// Reads it.
    ///
    /// # Errors
    /// Why it is refused.
    fn read(written: Written<'_>) -> Result<Self, Refusal>;

    /// As one would write it in RON.
    fn write(&self) -> String;
}

/// The node as a scalar: a bare word counts as text where quotes may be left out.
fn written(node: &Node) -> Option<Written<'_>> {
    let (form, text) = match &node.value {
        Value::Number(t) => (Form::Number, t.as_str()),
        Value::Text(t) => (Form::Text, t.as_str()),
        Value::Bool(true) => (Form::Bool, "true"),
        Value::Bool(false) => (Form::Bool, "false"),
        Value::Tagged { name, body: None, .. } if node.loose => (Form::Text, name.as_str()),
        _ => return None,
    };
    Some(Written { form, text, loose: node.loose })
}

/// Reads a scalar, reporting what is wrong with it.
pub fn decode<T: Scalar>(node: &Node, cx: &mut Cx) -> Option<T> {
    let refusal = match written(node).map(T::read) {
        Some(Ok(value)) => return Some(value),
        Some(Err(refusal)) => refusal,
        None => match &node.value {
            Value::Tagged { name, body: None, .. }
                if T::read(Written { form: Form::Text, text: name, loose: false }).is_ok() =>
            {
                Refusal::because("needs quotes").help(format!("write \"{name}\""))
            }
            _ => Refusal::other(),
        },
    };
    let examples = format!("write {} as {}", T::DEF.what, T::DEF.examples);
    let help = if refusal.help.is_empty() { examples } else { refusal.help };
    cx.wrong(node, T::DEF.what, &refusal.label, &help)
}

/// Makes scalars decodable.
macro_rules! scalars {
    ($($ty:ty),+ $(,)?) => {
        $(
            impl $crate::scenario::decode::Decode for $ty {
                fn decode(node: &$crate::formats::Node, cx: &mut $crate::scenario::decode::Cx) -> Option<Self> {
                    $crate::scenario::decode::scalar::decode(node, cx)
                }
                fn describe(_: &mut $crate::scenario::decode::Catalogue) -> $crate::scenario::decode::TypeRef {
                    const DEF: &$crate::scenario::decode::scalar::ScalarDef =
                        &<$ty as $crate::scenario::decode::scalar::Scalar>::DEF;
                    $crate::scenario::decode::TypeRef::Scalar(DEF)
                }
                fn show(&self) -> String {
                    $crate::scenario::decode::scalar::Scalar::write(self)
                }
            }
        )+
    };
}
pub(crate) use scalars;

/// Text as RON writes it.
#[must_use]
pub fn quote(text: &str) -> String {
    // Serialising a text into memory cannot fail; what would come out then is still no RON that means something else.
    ron::ser::to_string(text).unwrap_or_default()
}

scalars!(bool, String, crate::units::Name);

impl Scalar for bool {
    const DEF: ScalarDef = ScalarDef {
        name: "yes or no",
        what: "`true` or `false`",
        examples: "true or false",
        meaning: "`true` or `false`.",
        schema: || json!({"type": "boolean"}),
    };

    fn read(w: Written<'_>) -> Result<bool, Refusal> {
        match (w.form, w.text) {
            (Form::Bool, t) => Ok(t == "true"),
            (Form::Text, "true" | "yes" | "on" | "True") => Err(Refusal::other().help("write true, without quotes")),
            (Form::Text, "false" | "no" | "off" | "False") => Err(Refusal::other().help("write false, without quotes")),
            _ => Err(Refusal::other()),
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Scalar for String {
    const DEF: ScalarDef = ScalarDef {
        name: "text",
        what: "text",
        examples: "\"some words\"",
        meaning: "Text in double quotes.",
        schema: || json!({"type": "string"}),
    };

    fn read(w: Written<'_>) -> Result<String, Refusal> {
        match w.form {
            Form::Text => Ok(w.text.to_owned()),
            _ if w.loose => Ok(w.text.to_owned()),
            _ => Err(Refusal::because("needs quotes").help(format!("write \"{}\"", w.text))),
        }
    }

    fn write(&self) -> String {
        quote(self)
    }
}

impl Scalar for crate::units::Name {
    const DEF: ScalarDef = ScalarDef {
        name: "name",
        what: "a name",
        examples: "\"chat-v2\"",
        meaning: "A name in double quotes: at most 63 letters, digits, `-`, `_` and `.`, the first and last a letter or \
                  digit, as Kubernetes has it for label values.",
        schema: || json!({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"}),
    };

    fn read(w: Written<'_>) -> Result<Self, Refusal> {
        let text = String::read(w)?;
        crate::units::Name::new(&text).map_err(|e| Refusal::because(e.to_string()))
    }

    fn write(&self) -> String {
        quote(self.as_str())
    }
}

/// So that a macro-made type may hold one of itself.
impl<T: Decode> Decode for Box<T> {
    const RECORD: bool = T::RECORD;
    fn decode(node: &Node, cx: &mut Cx) -> Option<Self> {
        T::decode(node, cx).map(Box::new)
    }
    fn absent() -> Option<Self> {
        T::absent().map(Box::new)
    }
    fn placed(self, at: crate::formats::Place) -> Self {
        Box::new((*self).placed(at))
    }
    fn describe(catalogue: &mut super::Catalogue) -> super::TypeRef {
        T::describe(catalogue)
    }
    fn show(&self) -> String {
        (**self).show()
    }
}

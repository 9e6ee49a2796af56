//! JSON Schema and the field reference, from the descriptions of the types.

use serde_json::{Map, Number, Value as Json, json};

use super::Decode;
use super::catalogue::{Catalogue, FieldDef, Shape, TypeDef, TypeRef, VariantDef};
use super::decimal::Decimal;
use super::scalar::ScalarDef;
use crate::formats::{Node, Value, ron};
use crate::units::SourceId;

/// The JSON Schema (draft 2020-12) of files that hold a `T`.
#[must_use]
pub fn json_schema<T: Decode>(title: &str) -> Json {
    let (catalogue, root) = Catalogue::of::<T>();
    let mut defs = Map::new();
    for (_, def) in catalogue.iter() {
        defs.insert(def.name.clone(), definition(&catalogue, def));
    }
    let mut out = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title});
    merge(&mut out, reference(&catalogue, &root));
    merge(&mut out, json!({"$defs": defs}));
    out
}

fn merge(into: &mut Json, from: Json) {
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn reference(catalogue: &Catalogue, ty: &TypeRef) -> Json {
    match ty {
        TypeRef::Scalar(def) => (def.schema)(),
        TypeRef::List(item) => json!({"type": "array", "items": reference(catalogue, item)}),
        TypeRef::Map(item) => json!({"type": "object", "additionalProperties": reference(catalogue, item)}),
        TypeRef::Tuple(items) => {
            let parts: Vec<Json> = items.iter().map(|t| reference(catalogue, t)).collect();
            json!({"type": "array", "minItems": parts.len(), "maxItems": parts.len(), "prefixItems": parts})
        }
        TypeRef::Optional(inner) => json!({"anyOf": [reference(catalogue, inner), {"type": "null"}]}),
        TypeRef::Named(key) => {
            let name = catalogue.get(key).map_or(*key, |t| t.name.as_str());
            json!({"$ref": format!("#/$defs/{name}")})
        }
    }
}

fn definition(catalogue: &Catalogue, def: &TypeDef) -> Json {
    let mut out = json!({"description": def.docs});
    let body = match &def.shape {
        Shape::Record(fields) => record(catalogue, fields),
        Shape::Choice(variants) => {
            let all: Vec<Json> = variants.iter().flat_map(|v| variant(catalogue, v)).collect();
            // Text that stands for a variant is told from the variants' names by its pattern alone.
            if variants.iter().any(|v| v.number) { json!({"anyOf": all}) } else { json!({"oneOf": all}) }
        }
        Shape::Pending => json!({}),
    };
    merge(&mut out, body);
    out
}

fn record(catalogue: &Catalogue, fields: &[FieldDef]) -> Json {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = reference(catalogue, &field.ty);
        merge(&mut schema, json!({"description": field.docs}));
        if let Some(default) = &field.default {
            merge(&mut schema, json!({"default": ron_to_json(&default.text)}));
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = fields.iter().filter(|f| f.required()).map(|f| f.name).collect();
    let mut out = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        merge(&mut out, json!({"required": required}));
    }
    out
}

/// A variant is written as its name, as `{name: content}`, or as either where the content has only defaults; one that a
/// number stands for, also as the number.
fn variant(catalogue: &Catalogue, v: &VariantDef) -> Vec<Json> {
    let bare = json!({"const": v.name, "description": v.docs});
    let holding = |content: Json| {
        json!({
            "type": "object", "description": v.docs,
            "properties": {v.name: content}, "required": [v.name], "additionalProperties": false,
        })
    };
    match v.holds.as_slice() {
        [] => vec![bare],
        [one] if catalogue.all_defaults(one) => vec![bare, holding(reference(catalogue, one))],
        [one] if v.number => vec![reference(catalogue, one), holding(reference(catalogue, one))],
        [one] => vec![holding(reference(catalogue, one))],
        several => vec![holding(reference(catalogue, &TypeRef::Tuple(several.to_vec())))],
    }
}

/// A value of ours as JSON would write it.
fn ron_to_json(text: &str) -> Json {
    let (node, out) = ron::parse(SourceId(0), text, 0);
    debug_assert!(!out.has_errors(), "a default is shown as RON: {text}");
    node.as_ref().map_or(Json::Null, to_json)
}

/// A tree as JSON: named forms become `"Name"` and `{"Name": …}`, numbers lose their grouping.
#[must_use]
pub fn to_json(node: &Node) -> Json {
    let list = |items: &[Node]| Json::Array(items.iter().map(to_json).collect());
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Text(t) => json!(t),
        Value::Number(t) => number(t),
        Value::List(items) => list(items),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|e| (e.key.key_text().unwrap_or_default().to_owned(), to_json(&e.value))).collect(),
        ),
        Value::Tagged { name, body: None, .. } => json!(name),
        Value::Tagged { name, body: Some(body), .. } => {
            let content = match &body.value {
                Value::List(items) => match items.as_slice() {
                    [one] => to_json(one),
                    several => list(several),
                },
                _ => to_json(body),
            };
            json!({name: content})
        }
    }
}

fn number(text: &str) -> Json {
    let Some(d) = Decimal::parse(text) else { return json!(text) };
    let whole = d.signed_times(1).ok().and_then(|v| i64::try_from(v).ok()).map(Number::from);
    whole.or_else(|| Number::from_f64(d.to_f64())).map_or_else(|| json!(text), Json::Number)
}

/// The field reference in Markdown: one table a type, and one of the kinds of values.
#[must_use]
pub fn markdown<T: Decode>() -> String {
    let (catalogue, _) = Catalogue::of::<T>();
    let mut out = String::new();
    let mut scalars: Vec<&'static ScalarDef> = Vec::new();
    for (_, def) in catalogue.iter() {
        out.push_str(&format!("## {}\n\n{}\n\n", def.name, def.docs));
        match &def.shape {
            Shape::Record(fields) if fields.is_empty() => out.push_str("It has no fields.\n\n"),
            Shape::Record(fields) => {
                out.push_str("| field | type | default | where the default comes from | meaning |\n");
                out.push_str("|---|---|---|---|---|\n");
                for f in fields {
                    collect(&f.ty, &mut scalars);
                    let (default, source) = match &f.default {
                        Some(d) => (format!("`{}`", d.text), d.source),
                        None if f.required() => ("required".to_owned(), ""),
                        None => ("none".to_owned(), ""),
                    };
                    row(&mut out, &[&format!("`{}`", f.name), &words(&catalogue, &f.ty), &default, source, &f.docs]);
                }
                out.push('\n');
            }
            Shape::Choice(variants) => {
                out.push_str("| choice | holds | meaning |\n|---|---|---|\n");
                for v in variants {
                    v.holds.iter().for_each(|t| collect(t, &mut scalars));
                    let holds: Vec<String> = v.holds.iter().map(|t| words(&catalogue, t)).collect();
                    let written = match v.holds.as_slice() {
                        [] => format!("`{}`", v.name),
                        [one] if catalogue.all_defaults(one) => format!("`{0}` or `{0}(…)`", v.name),
                        [one] if v.number => format!("a {} or `{}(…)`", words(&catalogue, one), v.name),
                        [_] => format!("`{}(…)`", v.name),
                        several => format!("`{}({})`", v.name, vec!["…"; several.len()].join(", ")),
                    };
                    row(&mut out, &[&written, &holds.join(", "), &v.docs]);
                }
                out.push('\n');
            }
            Shape::Pending => {}
        }
    }
    out.push_str("## Kinds of values\n\n| kind | written | meaning |\n|---|---|---|\n");
    for def in scalars {
        row(&mut out, &[def.name, def.examples, def.meaning]);
    }
    out
}

fn row(out: &mut String, cells: &[&str]) {
    for cell in cells {
        out.push_str("| ");
        out.push_str(&cell.replace('|', "\\|").replace('\n', " "));
        out.push(' ');
    }
    out.push_str("|\n");
}

fn collect(ty: &TypeRef, scalars: &mut Vec<&'static ScalarDef>) {
    match ty {
        TypeRef::Scalar(def) if !scalars.iter().any(|d| d.name == def.name) => scalars.push(def),
        TypeRef::List(t) | TypeRef::Map(t) | TypeRef::Optional(t) => collect(t, scalars),
        TypeRef::Tuple(parts) => parts.iter().for_each(|t| collect(t, scalars)),
        _ => {}
    }
}

fn words(catalogue: &Catalogue, ty: &TypeRef) -> String {
    match ty {
        TypeRef::Scalar(def) => def.name.to_owned(),
        TypeRef::List(t) => format!("list of {}", words(catalogue, t)),
        TypeRef::Map(t) => format!("names with {}", words(catalogue, t)),
        TypeRef::Optional(t) => format!("{}, may be left out", words(catalogue, t)),
        TypeRef::Tuple(parts) => {
            format!("({})", parts.iter().map(|t| words(catalogue, t)).collect::<Vec<_>>().join(", "))
        }
        TypeRef::Named(key) => {
            let name = catalogue.get(key).map_or(*key, |t| t.name.as_str());
            format!("[{name}](#{})", name.to_lowercase())
        }
    }
}

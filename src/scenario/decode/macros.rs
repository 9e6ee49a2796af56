//! One definition for the type, its decoder, its schema and its rows in the field reference.

#![allow(unused_macros, unused_imports, reason = "the file shapes use them")]

/// The text of a `#[doc]` attribute; other attributes have none.
macro_rules! doc_line {
    (doc = $text:expr) => {
        $text
    };
    ($($other:tt)*) => {
        ""
    };
}

/// Defines a record.
///
/// ```text
/// record! {
///     /// What the record is.
///     pub struct Pool {
///         /// A field that must be given.
///         pub name: Name,
///         /// A field with a default, and where the default comes from.
///         pub nodes: u32 = 8 => "spec/finops.md section 1",
///         /// A field that may be left out.
///         pub note: Option<String>,
///     }
/// }
/// ```
///
/// The type derives `Clone`, `Debug` and `PartialEq`; further attributes are passed on.
macro_rules! record {
    (@read $fields:ident $cx:ident $field:ident $ty:ty) => {
        $fields.read::<$ty>($cx, $crate::scenario::decode::catalogue::plain(stringify!($field)))
    };
    (@read $fields:ident $cx:ident $field:ident $ty:ty, $default:expr, $source:expr) => {
        $fields.read_or::<$ty>(
            $cx,
            $crate::scenario::decode::catalogue::plain(stringify!($field)),
            || $default,
            $source,
        )
    };
    (@default $ty:ty) => {
        None
    };
    (@default $ty:ty, $default:expr, $source:expr) => {{
        let value: $ty = $default;
        Some($crate::scenario::decode::catalogue::DefaultDef {
            text: $crate::scenario::decode::Decode::show(&value),
            source: $source,
        })
    }};
    (
        $(#[$($meta:tt)*])*
        $vis:vis struct $name:ident {
            $(
                $(#[$($fmeta:tt)*])*
                $fvis:vis $field:ident : $ty:ty $(= $default:expr => $source:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[$($meta)*])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $(
                $(#[$($fmeta)*])*
                $fvis $field: $ty,
            )*
        }

        impl $crate::scenario::decode::Decode for $name {
            const RECORD: bool = true;

            fn decode(
                node: &$crate::formats::Node,
                cx: &mut $crate::scenario::decode::Cx,
            ) -> Option<Self> {
                const KNOWN: &[&str] = &[$($crate::scenario::decode::catalogue::plain(stringify!($field))),*];
                #[allow(unused_mut)]
                let mut fields = cx.fields(node, stringify!($name), KNOWN)?;
                $(
                    let $field = $crate::scenario::decode::record!(@read fields cx $field $ty $(, $default, $source)?);
                )*
                fields.finish(cx);
                Some($name { $($field: $field?),* })
            }

            fn describe(
                catalogue: &mut $crate::scenario::decode::Catalogue,
            ) -> $crate::scenario::decode::TypeRef {
                catalogue.named(
                    concat!(module_path!(), "::", stringify!($name)),
                    stringify!($name),
                    &[$($crate::scenario::decode::macros::doc_line!($($meta)*)),*],
                    |_catalogue| {
                        $crate::scenario::decode::catalogue::Shape::Record(vec![
                            $(
                                $crate::scenario::decode::catalogue::FieldDef {
                                    name: $crate::scenario::decode::catalogue::plain(stringify!($field)),
                                    docs: $crate::scenario::decode::catalogue::paragraph(
                                        &[$($crate::scenario::decode::macros::doc_line!($($fmeta)*)),*],
                                    ),
                                    ty: <$ty as $crate::scenario::decode::Decode>::describe(_catalogue),
                                    default: $crate::scenario::decode::record!(@default $ty $(, $default, $source)?),
                                },
                            )*
                        ])
                    },
                )
            }

            fn show(&self) -> String {
                $crate::scenario::decode::catalogue::show_record(&[
                    $(
                        (
                            $crate::scenario::decode::catalogue::plain(stringify!($field)),
                            $crate::scenario::decode::Decode::show(&self.$field),
                        ),
                    )*
                ])
            }
        }
    };
}

/// Defines a choice between variants: bare (`Fifo`), holding a record (`Spot(lives: …)`), one value (`Fixed(8)`), or two
/// or three in order (`Range(0, 16)`).
///
/// ```text
/// choice! {
///     /// How nodes are bought.
///     pub enum Buy {
///         /// By the hour.
///         OnDemand(OnDemand),
///         /// Never.
///         Nothing,
///         /// Between two numbers.
///         Range(u32, u32),
///     }
/// }
/// ```
///
/// With `pub enum Nodes (number is Fixed)`, a plain number stands for `Fixed` of it: `nodes: 8`. With `(duration is
/// Fixed)`, so does text that begins with a digit: `every: "30m"`.
macro_rules! choice {
    (@decode $v:ident $cx:ident $name:ident $variant:ident) => {
        $v.unit($cx).map(|()| $name::$variant)
    };
    (@decode $v:ident $cx:ident $name:ident $variant:ident $a:ty) => {
        $v.one::<$a>($cx).map($name::$variant)
    };
    (@decode $v:ident $cx:ident $name:ident $variant:ident $a:ty, $b:ty) => {
        $v.several::<($a, $b)>($cx).map(|(a, b)| $name::$variant(a, b))
    };
    (@decode $v:ident $cx:ident $name:ident $variant:ident $a:ty, $b:ty, $c:ty) => {
        $v.several::<($a, $b, $c)>($cx).map(|(a, b, c)| $name::$variant(a, b, c))
    };
    (@show $this:ident $name:ident $variant:ident) => {
        if let $name::$variant = $this {
            return stringify!($variant).to_owned();
        }
    };
    (@show $this:ident $name:ident $variant:ident $a:ty) => {
        if let $name::$variant(a) = $this {
            return $crate::scenario::decode::catalogue::show_variant(stringify!($variant), a);
        }
    };
    (@show $this:ident $name:ident $variant:ident $a:ty, $b:ty) => {
        if let $name::$variant(a, b) = $this {
            return format!("{}({}, {})", stringify!($variant), $crate::scenario::decode::Decode::show(a), $crate::scenario::decode::Decode::show(b));
        }
    };
    (@show $this:ident $name:ident $variant:ident $a:ty, $b:ty, $c:ty) => {
        if let $name::$variant(a, b, c) = $this {
            return format!("{}({}, {}, {})", stringify!($variant), $crate::scenario::decode::Decode::show(a), $crate::scenario::decode::Decode::show(b), $crate::scenario::decode::Decode::show(c));
        }
    };
    (
        $(#[$($meta:tt)*])*
        $vis:vis enum $name:ident $(( $plain:ident is $number:ident ))? {
            $(
                $(#[$($vmeta:tt)*])*
                $variant:ident $(( $($ty:ty),+ $(,)? ))?
            ),* $(,)?
        }
    ) => {
        $(#[$($meta)*])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant)]
        $vis enum $name {
            $(
                $(#[$($vmeta)*])*
                $variant $(( $($ty),+ ))?,
            )*
        }

        impl $crate::scenario::decode::Decode for $name {
            fn decode(
                node: &$crate::formats::Node,
                cx: &mut $crate::scenario::decode::Cx,
            ) -> Option<Self> {
                const KNOWN: &[&str] = &[$(stringify!($variant)),*];
                const PLAIN: &[(&str, &str)] = &[$((stringify!($plain), stringify!($number)))?];
                let variant = cx.variant(node, stringify!($name), KNOWN, PLAIN.first().copied())?;
                $(
                    if variant.name == stringify!($variant) {
                        return $crate::scenario::decode::choice!(
                            @decode variant cx $name $variant $($($ty),+)?
                        );
                    }
                )*
                None
            }

            fn describe(
                catalogue: &mut $crate::scenario::decode::Catalogue,
            ) -> $crate::scenario::decode::TypeRef {
                const NUMBER: &[&str] = &[$(stringify!($number))?];
                catalogue.named(
                    concat!(module_path!(), "::", stringify!($name)),
                    stringify!($name),
                    &[$($crate::scenario::decode::macros::doc_line!($($meta)*)),*],
                    |_catalogue| {
                        $crate::scenario::decode::catalogue::Shape::Choice(vec![
                            $(
                                $crate::scenario::decode::catalogue::VariantDef {
                                    name: stringify!($variant),
                                    docs: $crate::scenario::decode::catalogue::paragraph(
                                        &[$($crate::scenario::decode::macros::doc_line!($($vmeta)*)),*],
                                    ),
                                    number: NUMBER.contains(&stringify!($variant)),
                                    holds: vec![
                                        $($(<$ty as $crate::scenario::decode::Decode>::describe(_catalogue)),+)?
                                    ],
                                },
                            )*
                        ])
                    },
                )
            }

            fn show(&self) -> String {
                $(
                    $crate::scenario::decode::choice!(@show self $name $variant $($($ty),+)?);
                )*
                String::new()
            }
        }
    };
}

pub(crate) use {choice, doc_line, record};

//! The keywords that a schema may use: those of draft 2020-12 that can be checked in bounded time, and no others.

/// What stands under a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Schema,
    /// A list of schemas.
    Schemas,
    /// Schemas by names.
    Named,
    /// Schemas by patterns.
    Patterned,
    /// A list of texts.
    Names,
    /// Lists of texts by names.
    NamesBy,
    /// A list of any values.
    Choices,
    AnyValue,
    Number,
    AboveZero,
    Count,
    Flag,
    Pattern,
    Format,
    Types,
    Reference,
    /// The draft; checked and dropped.
    Draft,
    /// Words for people or other tools; dropped.
    Nothing,
}

const KEYWORDS: [(&str, Takes); 50] = [
    ("type", Takes::Types),
    ("enum", Takes::Choices),
    ("const", Takes::AnyValue),
    ("properties", Takes::Named),
    ("required", Takes::Names),
    ("additionalProperties", Takes::Schema),
    ("patternProperties", Takes::Patterned),
    ("propertyNames", Takes::Schema),
    ("minProperties", Takes::Count),
    ("maxProperties", Takes::Count),
    ("dependentRequired", Takes::NamesBy),
    ("items", Takes::Schema),
    ("prefixItems", Takes::Schemas),
    ("minItems", Takes::Count),
    ("maxItems", Takes::Count),
    ("uniqueItems", Takes::Flag),
    ("contains", Takes::Schema),
    ("minContains", Takes::Count),
    ("maxContains", Takes::Count),
    ("minLength", Takes::Count),
    ("maxLength", Takes::Count),
    ("pattern", Takes::Pattern),
    ("format", Takes::Format),
    ("minimum", Takes::Number),
    ("maximum", Takes::Number),
    ("exclusiveMinimum", Takes::Number),
    ("exclusiveMaximum", Takes::Number),
    ("multipleOf", Takes::AboveZero),
    ("allOf", Takes::Schemas),
    ("anyOf", Takes::Schemas),
    ("oneOf", Takes::Schemas),
    ("not", Takes::Schema),
    ("if", Takes::Schema),
    ("then", Takes::Schema),
    ("else", Takes::Schema),
    ("$ref", Takes::Reference),
    ("$defs", Takes::Named),
    ("definitions", Takes::Named),
    ("$schema", Takes::Draft),
    ("$comment", Takes::Nothing),
    ("title", Takes::Nothing),
    ("description", Takes::Nothing),
    ("default", Takes::Nothing),
    ("example", Takes::Nothing),
    ("examples", Takes::Nothing),
    ("deprecated", Takes::Nothing),
    ("readOnly", Takes::Nothing),
    ("writeOnly", Takes::Nothing),
    ("contentEncoding", Takes::Nothing),
    ("contentMediaType", Takes::Nothing),
];

/// Keywords of other drafts and dialects, and what to write instead.
const ELSEWHERE: [(&str, &str); 12] = [
    ("$id", "take it away; `$ref` reaches only into this schema"),
    ("id", "take it away; `$ref` reaches only into this schema"),
    (
        "$anchor",
        "put the schema below `$defs` and write `$ref: \"#/$defs/NAME\"`",
    ),
    ("$dynamicRef", "write `$ref: \"#/$defs/NAME\"`"),
    ("$recursiveRef", "write `$ref: \"#\"`"),
    ("additionalItems", "write `items` beside `prefixItems`"),
    (
        "dependencies",
        "write `dependentRequired`, or `if` and `then`",
    ),
    ("dependentSchemas", "write `if` and `then`"),
    ("unevaluatedProperties", "write `additionalProperties`"),
    ("unevaluatedItems", "write `items`"),
    ("nullable", "write `type: [string, \"null\"]`"),
    ("discriminator", "write `oneOf` with a `const` in each"),
];

/// The formats that are checked.
pub const FORMATS: [&str; 12] = [
    "date",
    "date-time",
    "time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "uuid",
    "json-pointer",
];

pub const TYPES: [&str; 7] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
];

/// What a keyword takes; none for a name that is no keyword here.
pub fn takes(name: &str) -> Option<Takes> {
    let found = KEYWORDS.iter().find(|(keyword, _)| *keyword == name);
    found.map(|(_, takes)| *takes)
}

pub fn names() -> impl Iterator<Item = &'static str> {
    KEYWORDS.iter().map(|(keyword, _)| *keyword)
}

/// The keyword as a word of ours.
pub fn known(name: &str) -> Option<&'static str> {
    names().find(|keyword| *keyword == name)
}

/// What to write in place of a keyword that isn't checked here.
pub fn instead(name: &str) -> Option<&'static str> {
    let found = ELSEWHERE.iter().find(|(keyword, _)| *keyword == name);
    found.map(|(_, advice)| *advice)
}

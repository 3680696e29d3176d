//! The messages of a trace request as tables: what the readers of JSON and of damaged protobuf have to know.
//!
//! No generator fits: those for prost's types read ids as base64 where OTLP writes hexadecimal digits, give up the
//! whole batch at the first wrong field, and know nothing of protobuf that is damaged.

use super::MAX_NESTING;

/// What a field holds.
pub(super) enum Kind {
    Text,
    /// Base64 in JSON.
    Bytes,
    /// Bytes too, hexadecimal digits in JSON.
    Id,
    Bool,
    Int32,
    Uint32,
    Int64,
    Fixed32,
    Fixed64,
    Double,
    /// The names of the values from 0 on.
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

/// A field of a message.
pub(super) struct Field {
    pub(super) tag: u32,
    /// As in the protocol's definition.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_list: bool,
}

/// A message.
pub(super) struct Message {
    pub(super) fields: &'static [Field],
    /// Lists and maps of attributes nest in each other without an end.
    is_nesting: bool,
}

impl Message {
    /// The level that its fields are on where it is on `level` itself; an error in words where that is too deep.
    pub(super) fn entered(&self, level: usize) -> Result<usize, String> {
        let level = level + usize::from(self.is_nesting);
        match level > MAX_NESTING {
            true => Err(format!(
                "an attribute has more than {MAX_NESTING} lists and maps within each other"
            )),
            false => Ok(level),
        }
    }

    pub(super) fn by_tag(&self, tag: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.tag == tag)
    }

    /// The field of this name, in lowerCamelCase or as in the definition.
    pub(super) fn by_name(&self, name: &str) -> Option<&'static Field> {
        self.fields
            .iter()
            .find(|field| field.name == name || field.camel_case().eq(name.chars()))
    }
}

impl Field {
    /// The characters of the name that JSON uses.
    pub(super) fn camel_case(&self) -> impl Iterator<Item = char> {
        let mut is_first = false;
        self.name.chars().filter_map(move |letter| {
            let is_upper = std::mem::replace(&mut is_first, letter == '_');
            match letter {
                '_' => None,
                letter if is_upper => Some(letter.to_ascii_uppercase()),
                letter => Some(letter),
            }
        })
    }
}

const fn one(tag: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        tag,
        name,
        kind,
        is_list: false,
    }
}

const fn list(tag: u32, name: &'static str, kind: Kind) -> Field {
    Field {
        tag,
        name,
        kind,
        is_list: true,
    }
}

const fn message(fields: &'static [Field]) -> Message {
    Message {
        fields,
        is_nesting: false,
    }
}

/// The tag of the spans of a scope.
pub(super) const SPANS_TAG: u32 = 2;

/// `ExportTraceServiceRequest`
pub(super) static REQUEST: Message =
    message(&[list(1, "resource_spans", Kind::Message(&RESOURCE_SPANS))]);

/// `ResourceSpans`
pub(super) static RESOURCE_SPANS: Message = message(&[
    one(1, "resource", Kind::Message(&RESOURCE)),
    list(2, "scope_spans", Kind::Message(&SCOPE_SPANS)),
    one(3, "schema_url", Kind::Text),
]);

/// `ScopeSpans`
pub(super) static SCOPE_SPANS: Message = message(&[
    one(1, "scope", Kind::Message(&SCOPE)),
    list(SPANS_TAG, "spans", Kind::Message(&SPAN)),
    one(3, "schema_url", Kind::Text),
]);

/// `Resource`
pub(super) static RESOURCE: Message = message(&[
    list(1, "attributes", Kind::Message(&KEY_VALUE)),
    one(2, "dropped_attributes_count", Kind::Uint32),
    list(3, "entity_refs", Kind::Message(&ENTITY_REF)),
]);

static ENTITY_REF: Message = message(&[
    one(1, "schema_url", Kind::Text),
    one(2, "type", Kind::Text),
    list(3, "id_keys", Kind::Text),
    list(4, "description_keys", Kind::Text),
]);

/// `InstrumentationScope`
pub(super) static SCOPE: Message = message(&[
    one(1, "name", Kind::Text),
    one(2, "version", Kind::Text),
    list(3, "attributes", Kind::Message(&KEY_VALUE)),
    one(4, "dropped_attributes_count", Kind::Uint32),
]);

/// `Span`
pub(super) static SPAN: Message = message(&[
    one(1, "trace_id", Kind::Id),
    one(2, "span_id", Kind::Id),
    one(3, "trace_state", Kind::Text),
    one(4, "parent_span_id", Kind::Id),
    one(16, "flags", Kind::Fixed32),
    one(5, "name", Kind::Text),
    one(
        6,
        "kind",
        Kind::Enum(&[
            "SPAN_KIND_UNSPECIFIED",
            "SPAN_KIND_INTERNAL",
            "SPAN_KIND_SERVER",
            "SPAN_KIND_CLIENT",
            "SPAN_KIND_PRODUCER",
            "SPAN_KIND_CONSUMER",
        ]),
    ),
    one(7, "start_time_unix_nano", Kind::Fixed64),
    one(8, "end_time_unix_nano", Kind::Fixed64),
    list(9, "attributes", Kind::Message(&KEY_VALUE)),
    one(10, "dropped_attributes_count", Kind::Uint32),
    list(11, "events", Kind::Message(&EVENT)),
    one(12, "dropped_events_count", Kind::Uint32),
    list(13, "links", Kind::Message(&LINK)),
    one(14, "dropped_links_count", Kind::Uint32),
    one(15, "status", Kind::Message(&STATUS)),
]);

static EVENT: Message = message(&[
    one(1, "time_unix_nano", Kind::Fixed64),
    one(2, "name", Kind::Text),
    list(3, "attributes", Kind::Message(&KEY_VALUE)),
    one(4, "dropped_attributes_count", Kind::Uint32),
]);

static LINK: Message = message(&[
    one(1, "trace_id", Kind::Id),
    one(2, "span_id", Kind::Id),
    one(3, "trace_state", Kind::Text),
    list(4, "attributes", Kind::Message(&KEY_VALUE)),
    one(5, "dropped_attributes_count", Kind::Uint32),
    one(6, "flags", Kind::Fixed32),
]);

static STATUS: Message = message(&[
    one(2, "message", Kind::Text),
    one(
        3,
        "code",
        Kind::Enum(&["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]),
    ),
]);

static KEY_VALUE: Message = message(&[
    one(1, "key", Kind::Text),
    one(2, "value", Kind::Message(&ANY_VALUE)),
    one(3, "key_strindex", Kind::Int32),
]);

static ANY_VALUE: Message = message(&[
    one(1, "string_value", Kind::Text),
    one(2, "bool_value", Kind::Bool),
    one(3, "int_value", Kind::Int64),
    one(4, "double_value", Kind::Double),
    one(5, "array_value", Kind::Message(&ARRAY_VALUE)),
    one(6, "kvlist_value", Kind::Message(&KEY_VALUE_LIST)),
    one(7, "bytes_value", Kind::Bytes),
    one(8, "string_value_strindex", Kind::Int32),
]);

static ARRAY_VALUE: Message = Message {
    fields: &[list(1, "values", Kind::Message(&ANY_VALUE))],
    is_nesting: true,
};

static KEY_VALUE_LIST: Message = Message {
    fields: &[list(1, "values", Kind::Message(&KEY_VALUE))],
    is_nesting: true,
};

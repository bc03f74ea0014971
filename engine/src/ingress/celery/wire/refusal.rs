//! Why a message is not run, in words that quote nothing of it.

use super::Exception;

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// More bytes than [`super::Limits::message_bytes`].
    MessageTooLarge,
    /// The envelope is not UTF-8.
    NotUtf8,
    /// The envelope is not JSON.
    NotJson,
    /// The envelope is JSON, but no object.
    NotAnObject,
    /// Nested deeper than [`super::Limits::depth`].
    TooDeep,
    /// No usable task id: absent, empty, no text, or too long.
    NoId,
    /// No usable task name, and no body of protocol 1 either.
    NoTask,
    /// `retries` is no whole number from 0.
    InvalidRetries,
    /// `timelimit` is not null and not two numbers or nulls.
    InvalidTimeLimit,
    /// `eta` is no date that can be read.
    InvalidEta,
    /// `expires` is no date that can be read.
    InvalidExpires,
    /// `eta` is further ahead than [`super::Limits::horizon`].
    BeyondHorizon,
    /// A header that matters has a value of another type than it may have.
    InvalidHeader(&'static str),
    /// The content type is not `application/json`.
    ContentType,
    /// The content encoding is not UTF-8.
    ContentEncoding,
    /// The body's transfer encoding is neither base64 nor plain text.
    BodyEncoding,
    /// The body is not base64.
    InvalidBase64,
    /// The body is compressed in a way that is not taken; named if it is one Celery knows.
    Compression(&'static str),
    /// The body is not compressed the way its header says.
    CorruptCompression,
    /// Inflates to more than [`super::Limits::inflated_bytes`].
    InflatedTooLarge,
    /// There is no body.
    NoBody,
    /// The body is not UTF-8 or not JSON.
    BodyNotJson,
    /// The body is not `[args, kwargs, embed]`.
    BodyShape,
    /// The positional arguments are no array.
    InvalidArgs,
    /// The keyword arguments are no object.
    InvalidKwargs,
    /// More arguments or signatures than [`super::Limits::arguments`].
    TooManyArguments,
    /// A callback, errback, chain element or chord body is no signature.
    InvalidEmbed,
    /// A Python value of a type that is not known.
    UnknownTypeTag,
    /// A Python value that its type cannot have.
    InvalidTypeTag,
}

impl Reason {
    /// A stable name for metrics and the dead-letter list.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MessageTooLarge => "message_too_large",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::TooDeep => "too_deep",
            Self::NoId => "no_id",
            Self::NoTask => "no_task",
            Self::InvalidRetries => "invalid_retries",
            Self::InvalidTimeLimit => "invalid_time_limit",
            Self::InvalidEta => "invalid_eta",
            Self::InvalidExpires => "invalid_expires",
            Self::BeyondHorizon => "beyond_horizon",
            Self::InvalidHeader(_) => "invalid_header",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::BodyEncoding => "body_encoding",
            Self::InvalidBase64 => "invalid_base64",
            Self::Compression(_) => "compression",
            Self::CorruptCompression => "corrupt_compression",
            Self::InflatedTooLarge => "inflated_too_large",
            Self::NoBody => "no_body",
            Self::BodyNotJson => "body_not_json",
            Self::BodyShape => "body_shape",
            Self::InvalidArgs => "invalid_args",
            Self::InvalidKwargs => "invalid_kwargs",
            Self::TooManyArguments => "too_many_arguments",
            Self::InvalidEmbed => "invalid_embed",
            Self::UnknownTypeTag => "unknown_type_tag",
            Self::InvalidTypeTag => "invalid_type_tag",
        }
    }

    /// As the caller's exception sees it.
    fn exception(self) -> Exception {
        let sentence = self.to_string();
        match self {
            Self::ContentType => Exception::content_disallowed(&sentence),
            Self::ContentEncoding
            | Self::BodyEncoding
            | Self::InvalidBase64
            | Self::Compression(_)
            | Self::CorruptCompression
            | Self::InflatedTooLarge
            | Self::BodyNotJson
            | Self::TooDeep
            | Self::UnknownTypeTag
            | Self::InvalidTypeTag => Exception::decode_error(&sentence),
            _ => Exception::invalid_task(&sentence),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MessageTooLarge => "the message is larger than it may be",
            Self::NotUtf8 => "the message is not UTF-8",
            Self::NotJson => "the message is not JSON",
            Self::NotAnObject => "the message is not a JSON object",
            Self::TooDeep => "the message is nested deeper than it may be",
            Self::NoId => "the message has no usable task id",
            Self::NoTask => "the message has no usable task name",
            Self::InvalidRetries => "retries is not a whole number from 0",
            Self::InvalidTimeLimit => "timelimit is not two numbers of seconds",
            Self::InvalidEta => "eta is not a date in ISO 8601",
            Self::InvalidExpires => "expires is not a date in ISO 8601",
            Self::BeyondHorizon => "eta is further ahead than it may be",
            Self::InvalidHeader(name) => return write!(f, "{name} has a value of the wrong type"),
            Self::ContentType => "the content type is not application/json",
            Self::ContentEncoding => "the content encoding is not utf-8",
            Self::BodyEncoding => "the body encoding is neither base64 nor utf-8",
            Self::InvalidBase64 => "the body is not base64",
            Self::Compression(name) => {
                return write!(
                    f,
                    "{name} compression is not taken, hint: use gzip, bzip2 or none"
                );
            }
            Self::CorruptCompression => "the body is not compressed as its header says",
            Self::InflatedTooLarge => "the body inflates to more than it may",
            Self::NoBody => "the message has no body",
            Self::BodyNotJson => "the body is not JSON",
            Self::BodyShape => "the body is not [args, kwargs, embed]",
            Self::InvalidArgs => "args is not an array",
            Self::InvalidKwargs => "kwargs is not an object",
            Self::TooManyArguments => "the message has more arguments than it may",
            Self::InvalidEmbed => "a callback, errback, chain or chord is not a signature",
            Self::UnknownTypeTag => "an argument has a Python type that is not known",
            Self::InvalidTypeTag => "an argument has a value that its Python type cannot have",
        })
    }
}

/// A message that is not run. Where there is a task id, somebody may wait for it: unless
/// `ignore_result`, store `FAILURE` with `exception` under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The id, if one could be read.
    pub task_id: Option<String>,
    /// The task name, if one could be read.
    pub task: Option<String>,
    /// Whether the caller wants no result.
    pub ignore_result: bool,
    /// What the caller gets to see.
    pub exception: Box<Exception>,
}

impl Refusal {
    /// A refusal of a message of which nothing else is known.
    pub(crate) fn bare(reason: Reason) -> Self {
        Self {
            reason,
            task_id: None,
            task: None,
            ignore_result: false,
            exception: Box::new(reason.exception()),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Refusal {}

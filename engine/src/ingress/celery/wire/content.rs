//! What a body says: the arguments, and what is to follow.

use serde_json::value::RawValue;

use super::envelope::{Fields, array, fields, present};
use super::lenient::{self, Tags};
use super::message::Embed;
use super::refusal::Reason;
use super::{Limits, Signature};

/// The three items of a body.
pub(crate) struct Content {
    pub(crate) args: Vec<Box<RawValue>>,
    pub(crate) kwargs: Fields,
    pub(crate) embed: Embed,
}

impl Content {
    pub(crate) fn of_second(body: &str, limits: &Limits) -> Result<Self, Reason> {
        let body = lenient::tidy(body, limits.depth, Tags::Keep)?;
        let items: Vec<&RawValue> = serde_json::from_str(&body).map_err(|error| {
            if error.is_data() {
                Reason::BodyShape
            } else {
                Reason::BodyNotJson
            }
        })?;
        let [args, kwargs, embed] = items.as_slice() else {
            return Err(Reason::BodyShape);
        };
        let embed = match embed.get() {
            "null" => Fields::new(),
            object => fields(object).ok_or(Reason::InvalidEmbed)?,
        };
        Self::of(Some(args), Some(kwargs), &embed, limits)
    }

    pub(crate) fn of_first(fields: &mut Fields, limits: &Limits) -> Result<Self, Reason> {
        let args = fields.remove("args");
        let kwargs = fields.remove("kwargs");
        let embed = std::mem::take(fields);
        Self::of(args.as_deref(), kwargs.as_deref(), &embed, limits)
    }

    fn of(
        args: Option<&RawValue>,
        kwargs: Option<&RawValue>,
        embed: &Fields,
        limits: &Limits,
    ) -> Result<Self, Reason> {
        let plain = |raw: Option<&RawValue>, empty: &str| match raw {
            None => Ok(empty.to_owned()),
            Some(raw) => lenient::tidy(raw.get(), limits.depth, Tags::Plain),
        };
        let kwargs = fields(&plain(kwargs, "{}")?);
        let args = array(&plain(args, "[]")?).ok_or(Reason::InvalidArgs)?;
        let kwargs = kwargs.ok_or(Reason::InvalidKwargs)?;
        if args.len() + kwargs.len() > limits.arguments {
            return Err(Reason::TooManyArguments);
        }
        Ok(Self {
            args,
            kwargs,
            embed: self::embed(embed, limits)?,
        })
    }
}

pub(crate) fn embed(fields: &Fields, limits: &Limits) -> Result<Embed, Reason> {
    Ok(Embed {
        callbacks: signatures(fields, "callbacks", limits)?,
        errbacks: signatures(fields, "errbacks", limits)?,
        chain: signatures(fields, "chain", limits)?,
        chord: present(fields, "chord")
            .map(|raw| signature(raw.to_owned(), limits))
            .transpose()?,
    })
}

fn signatures(embed: &Fields, name: &str, limits: &Limits) -> Result<Vec<Signature>, Reason> {
    let Some(raw) = present(embed, name) else {
        return Ok(Vec::new());
    };
    let items = array(raw.get()).ok_or(Reason::InvalidEmbed)?;
    if items.len() > limits.arguments {
        return Err(Reason::TooManyArguments);
    }
    items
        .into_iter()
        .map(|raw| signature(raw, limits))
        .collect()
}

fn signature(raw: Box<RawValue>, limits: &Limits) -> Result<Signature, Reason> {
    Signature::new(raw)
        .filter(|signature| {
            signature.parts().is_some_and(|parts| {
                parts.task.len() <= limits.task_bytes
                    && ["task_id", "group_id"].iter().all(|name| {
                        parts
                            .option_text(name)
                            .is_none_or(|id| !id.is_empty() && id.len() <= limits.id_bytes)
                    })
            })
        })
        .ok_or(Reason::InvalidEmbed)
}

//! The tables of all data sets, a file each.

mod campaigns;
mod email_sends;
mod mailing_lists;
mod mandats;
mod organisations;
mod people;
mod rgpd_subject;

pub(super) use rgpd_subject::SECTIONS;

use crate::exports::dataset::Dataset;
use crate::exports::format::Format;

/// All data sets, the most wanted first.
pub(super) static DATASETS: [&Dataset; 7] = [
    &people::PEOPLE,
    &organisations::ORGANISATIONS,
    &mandats::MANDATS,
    &campaigns::CAMPAIGNS,
    &mailing_lists::MAILING_LISTS,
    &email_sends::EMAIL_SENDS,
    &rgpd_subject::RGPD_SUBJECT,
];

/// The formats of everything that is a table.
const TABLES: &[Format] = &[Format::Csv, Format::Xlsx, Format::Pdf];

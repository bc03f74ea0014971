//! The border between enum labels as the database stores them and as the CRM shows them.
//!
//! The tables store upper-case names (`WHOLESALE`), the CRM's API and its files use lower-case
//! values (`wholesale`). Nothing outside this file knows that.

/// `organisations.category`.
pub(super) const CATEGORIES: &[&str] = &[
    "INSTITUTION",
    "WHOLESALE",
    "SDG",
    "CGPI",
    "AUTRES",
    "STARTUP",
    "CORPORATION",
];

/// `organisations.type`.
pub(super) const TYPES: &[&str] = &[
    "INVESTOR",
    "CLIENT",
    "FOURNISSEUR",
    "DISTRIBUTEUR",
    "EMETTEUR",
    "AUTRE",
];

/// `mandats.type`.
pub(super) const MANDATE_TYPES: &[&str] = &["VENTE", "ACQUISITION", "DISTRIBUTION"];

/// `mandats.status`: a name of an enum that two tables claim, so that either set may be stored.
pub(super) const MANDATE_STATES: &[&str] = &[
    "PROPOSE", "SIGNE", "ACTIF", "TERMINE", "DRAFT", "ACTIVE", "SIGNED", "EXPIRED", "CLOSED",
];

/// `email_campaigns.status`.
pub(super) const CAMPAIGN_STATES: &[&str] = &[
    "DRAFT",
    "SCHEDULED",
    "RUNNING",
    "PAUSED",
    "COMPLETED",
    "CANCELLED",
];

/// `email_sends.status`.
pub(super) const SEND_STATES: &[&str] = &[
    "QUEUED",
    "SCHEDULED",
    "SENDING",
    "SENT",
    "DELIVERED",
    "OPENED",
    "CLICKED",
    "FAILED",
    "BOUNCED",
    "UNSUBSCRIBED",
    "COMPLAINED",
];

/// What the CRM shows for a stored label; also for labels this file does not list.
pub(super) fn value_of(label: &str) -> String {
    label.to_ascii_lowercase()
}

/// The stored label of a value.
pub(super) fn label_of(value: &str, labels: &[&'static str]) -> Option<&'static str> {
    labels
        .iter()
        .find(|label| label.eq_ignore_ascii_case(value))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_survives_the_way_out_and_back() {
        let all = [
            CATEGORIES,
            TYPES,
            MANDATE_TYPES,
            MANDATE_STATES,
            CAMPAIGN_STATES,
            SEND_STATES,
        ];
        for labels in all {
            for label in labels {
                assert_eq!(label_of(&value_of(label), labels), Some(*label));
            }
        }
    }

    #[test]
    fn a_value_without_a_label_has_none() {
        assert_eq!(label_of("wholesales", CATEGORIES), None);
    }
}

//! What every page has around it: navigation, appearance, language, who is looking.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

use super::trouble::Trouble;
use crate::assets::{ASSETS, Assets};
use crate::audit::Deed;
use crate::auth::{Origin, Role, Visitor};
use crate::panel::Panel;
use crate::words::{Language, Words};

/// Longest cookie header that is looked at.
const MOST_COOKIES: usize = 4096;

/// The pages of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Overview,
    Queues,
    Jobs,
    Held,
    Workers,
    Limits,
    Batches,
    Operations,
    System,
    Audit,
    /// One that the navigation does not name.
    None,
}

/// Which colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// Those of the viewer's system.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// Its name in the page, if it is fixed.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    pub(crate) fn of_name(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// One line of the navigation.
pub(crate) struct Item {
    pub(crate) path: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) name: &'static str,
    pub(crate) here: bool,
    pub(crate) count: u64,
}

/// The frame of one answer.
pub(crate) struct Frame {
    pub(crate) words: &'static Words,
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) title: &'static str,
    /// What every path begins with behind a proxy; empty or `/something`.
    pub(crate) base: String,
    pub(crate) assets: &'static Assets,
    pub(crate) screen: Screen,
    /// Where a form of the frame leads back to.
    pub(crate) back: String,
    /// Jobs that need a person.
    pub(crate) held: u64,
    pub(crate) user: String,
    pub(crate) role: &'static str,
    pub(crate) can_operate: bool,
    pub(crate) can_administer: bool,
    pub(crate) can_see_payloads: bool,
    /// Where the request came from.
    pub(crate) from: Option<IpAddr>,
    /// What an action before this page has done.
    pub(crate) said: Option<&'static str>,
}

impl FromRequestParts<Panel> for Frame {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, panel: &Panel) -> Result<Self, Trouble> {
        let visitor = parts.extensions.get::<Visitor>().cloned();
        let from = parts.extensions.get::<Origin>().and_then(|origin| origin.0);
        let mut frame = Self::of(panel, visitor.as_ref(), &parts.headers, &parts.uri);
        frame.from = from;
        // A page that cannot show more says why itself.
        if let Ok(queues) = panel.queues().await {
            frame.held = queues.iter().map(|queue| queue.held).sum();
        }
        Ok(frame)
    }
}

impl Frame {
    fn of(panel: &Panel, visitor: Option<&Visitor>, headers: &HeaderMap, uri: &Uri) -> Self {
        let language = cookie(headers, "language")
            .and_then(Language::of_code)
            .unwrap_or_else(|| preferred(headers));
        let role = visitor.map(|visitor| visitor.role);
        let words = language.words();
        let asked = uri.query().unwrap_or_default();
        let said = asked
            .split('&')
            .find_map(|pair| pair.strip_prefix("said="))
            .and_then(|what| said(what, words));
        Self {
            words,
            language,
            theme: cookie(headers, "theme").map_or_else(Theme::default, Theme::of_name),
            title: "rouage",
            base: panel.base().to_owned(),
            assets: &ASSETS,
            screen: Screen::None,
            back: uri.path().to_owned(),
            held: 0,
            user: visitor
                .map(|visitor| visitor.name.to_string())
                .unwrap_or_default(),
            role: role.map_or("", Role::name),
            can_operate: role.is_some_and(Role::can_operate),
            can_administer: role.is_some_and(Role::can_administer),
            can_see_payloads: role.is_some_and(Role::can_operate),
            from: None,
            said,
        }
    }

    /// The frame of a page of the navigation.
    pub(crate) fn at(mut self, screen: Screen) -> Self {
        self.screen = screen;
        self
    }

    /// Something that this visitor does.
    pub(crate) fn deed(&self, what: &'static str, target: &str, detail: &str) -> Deed {
        Deed {
            who: self.user.clone(),
            what,
            target: target.to_owned(),
            detail: detail.to_owned(),
            from: self.from,
        }
    }

    /// The navigation.
    pub(crate) fn items(&self) -> Vec<Item> {
        let words = self.words;
        let item = |screen, path, icon, name, count| Item {
            path,
            icon,
            name,
            here: self.screen == screen,
            count,
        };
        let mut items = vec![
            item(Screen::Overview, "/", "overview", words.nav_overview, 0),
            item(Screen::Held, "/held", "held", words.nav_held, self.held),
            item(Screen::Jobs, "/jobs", "jobs", words.nav_jobs, 0),
            item(Screen::Queues, "/queues", "queues", words.nav_queues, 0),
            item(Screen::Batches, "/batches", "batches", words.nav_batches, 0),
            item(
                Screen::Operations,
                "/operations",
                "operations",
                words.nav_operations,
                0,
            ),
            item(Screen::Workers, "/workers", "workers", words.nav_workers, 0),
            item(Screen::Limits, "/limits", "limits", words.nav_limits, 0),
            item(Screen::System, "/system", "system", words.nav_system, 0),
        ];
        if self.can_administer {
            items.push(item(Screen::Audit, "/audit", "audit", words.nav_audit, 0));
        }
        items
    }

    /// Value, name, and whether it is chosen.
    pub(crate) fn themes(&self) -> [(&'static str, &'static str, bool); 3] {
        let words = self.words;
        [
            ("system", words.system, self.theme == Theme::System),
            ("light", words.light, self.theme == Theme::Light),
            ("dark", words.dark, self.theme == Theme::Dark),
        ]
    }

    /// The same for languages.
    pub(crate) fn languages(&self) -> [(&'static str, &'static str, bool); 2] {
        [
            ("en", "English", self.language == Language::English),
            ("fr", "Français", self.language == Language::French),
        ]
    }

    /// All icons.
    #[expect(
        clippy::unused_self,
        reason = "templates call methods of what they have"
    )]
    pub(crate) fn sprite(&self) -> String {
        super::icons::sprite()
    }
}

/// The sentence for what an action did, by its word in the address: nobody can put another one there.
fn said(what: &str, words: &Words) -> Option<&'static str> {
    Some(match what {
        "paused" => words.done_paused,
        "resumed" => words.done_resumed,
        "retried" => words.done_retried,
        "cancelled" => words.done_cancelled,
        "discarded" => words.done_discarded,
        "ordered" => words.done_ordered,
        "reset" => words.done_reset,
        "replayed" => words.done_replayed,
        "undone" => words.undone,
        "set" => words.done_set,
        "unchanged" => words.nothing_changed,
        _ => return None,
    })
}

/// A cookie of ours.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let header = headers.get(COOKIE)?.to_str().ok()?;
    if header.len() > MOST_COOKIES {
        return None;
    }
    let pairs = header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .filter_map(|(key, value)| Some((key.strip_prefix("rouage_")?, value)))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The first language of the browser's that there is.
fn preferred(headers: &HeaderMap) -> Language {
    let accepted = headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|header| header.to_str().ok())
        .unwrap_or_default();
    accepted
        .split(',')
        .take(20)
        .find_map(|part| Language::of_code(part.split(';').next()?.trim()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_first_language_that_there_is_is_spoken() {
        let speaks = |accept| preferred(&headers(ACCEPT_LANGUAGE, accept));
        assert_eq!(speaks("de-DE, fr-CH;q=0.9, en;q=0.8"), Language::French);
        assert_eq!(speaks("de"), Language::English);
        assert_eq!(preferred(&HeaderMap::new()), Language::English);
    }

    #[test]
    fn only_our_own_cookies_count() {
        let headers = headers(COOKIE, "theme=light; rouage_theme=dark; a=b");
        assert_eq!(cookie(&headers, "theme"), Some("dark"));
        assert_eq!(cookie(&headers, "language"), None);
    }

    #[test]
    fn nobody_can_put_a_sentence_of_their_own_into_a_page() {
        let words = Language::English.words();
        assert_eq!(said("paused", words), Some("Paused."));
        assert_eq!(said("<script>", words), None);
    }
}

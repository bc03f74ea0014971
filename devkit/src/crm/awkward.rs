//! The values that break naive exports, imports and pages.
//!
//! Each kind stands for one mistake: an unquoted comma, a formula run by a spreadsheet, a null
//! taken for an empty string. People 1 to 20 have one kind each, in the order of
//! [`Awkward::ALL`], whatever the size of the data set; after them about three rows in a hundred
//! are awkward. Only contents are awkward here: no row breaks a constraint.

use super::rng::{Rng, Stream};

/// Share of awkward rows after the first ones.
const PERCENT: u64 = 3;

/// One kind of awkward value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awkward {
    /// Accented letters and ligatures, composed.
    Accents,
    /// An accent as a separate character after its letter.
    CombiningAccent,
    /// Straight, curly and French quotation marks.
    Quotes,
    /// Commas and semicolons, both in use as separators.
    Separators,
    /// A line feed.
    LineFeed,
    /// A carriage return and a line feed.
    CarriageReturnLineFeed,
    /// A formula that starts with `=`.
    FormulaEquals,
    /// A formula that starts with `+`.
    FormulaPlus,
    /// A formula that starts with `-`.
    FormulaMinus,
    /// A formula that starts with `@`.
    FormulaAt,
    /// A formula hidden behind a tab.
    FormulaTab,
    /// A formula hidden behind a carriage return.
    FormulaCarriageReturn,
    /// Characters outside the basic plane, joined ones among them.
    Emoji,
    /// Arabic and Hebrew.
    RightToLeft,
    /// As long as the column allows, in characters of several bytes.
    Longest,
    /// Every nullable column is null.
    Nulls,
    /// Every text column that may be is empty.
    Empty,
    /// Spaces around, a no-break space among them.
    SurroundingSpaces,
    /// Backslashes, and what the COPY format would take for null and for the end.
    Backslashes,
    /// Markup and template placeholders.
    Markup,
}

impl Awkward {
    /// All kinds; person N (N ≤ 20) has the Nth.
    pub const ALL: [Self; 20] = [
        Self::Accents,
        Self::CombiningAccent,
        Self::Quotes,
        Self::Separators,
        Self::LineFeed,
        Self::CarriageReturnLineFeed,
        Self::FormulaEquals,
        Self::FormulaPlus,
        Self::FormulaMinus,
        Self::FormulaAt,
        Self::FormulaTab,
        Self::FormulaCarriageReturn,
        Self::Emoji,
        Self::RightToLeft,
        Self::Longest,
        Self::Nulls,
        Self::Empty,
        Self::SurroundingSpaces,
        Self::Backslashes,
        Self::Markup,
    ];

    /// The kind of the person with this id, if any.
    pub fn of_person(id: i32) -> Option<Self> {
        let id = u64::try_from(id).ok().filter(|&id| id > 0)?;
        Self::ALL
            .get(id as usize - 1)
            .copied()
            .or_else(|| Self::drawn(id))
    }

    /// The kind of the organisation with this id, if any; the even ones up to 20 have one.
    pub fn of_organisation(id: i32) -> Option<Self> {
        let id = u64::try_from(id).ok().filter(|&id| id > 0)?;
        match id as usize {
            even @ 1..=20 if even % 2 == 0 => Some(Self::ALL[even - 1]),
            1..=20 => None,
            // Apart from the people's ids, or organisation N and person N would agree.
            _ => Self::drawn(id << 32),
        }
    }

    fn drawn(row: u64) -> Option<Self> {
        let mut rng = Rng::of(Stream::Awkward, row);
        rng.chance(PERCENT).then(|| rng.pick(&Self::ALL))
    }

    /// What a text column of at most `limit` characters holds instead of `usual`.
    pub fn text(self, usual: &str, limit: usize) -> Option<String> {
        let text = match self {
            Self::Accents => format!("Æléonore Œuvré-Ÿ née à L’Haÿ {usual}"),
            Self::CombiningAccent => format!("Ame\u{301}lie Franc\u{327}oise {usual}"),
            Self::Quotes => format!("{usual} \"le Grand\" d'Arc « l’Aîné » “dit”"),
            Self::Separators => format!("{usual}, Martin; Associés, Cie;"),
            Self::LineFeed => format!("{usual}\nsuite à la ligne"),
            Self::CarriageReturnLineFeed => format!("{usual}\r\nsuite à la ligne"),
            Self::FormulaEquals => {
                format!("=HYPERLINK(\"https://piege.example.org\";\"{usual}\")")
            }
            Self::FormulaPlus => format!("+1+1+cmd|'/c calc'!{usual}"),
            Self::FormulaMinus => format!("-2+3 {usual}"),
            Self::FormulaAt => format!("@SUM(A1:A9) {usual}"),
            Self::FormulaTab => format!("\t=1+1 {usual}"),
            Self::FormulaCarriageReturn => format!("\r=1+1 {usual}"),
            Self::Emoji => format!("🇫🇷 {usual} 👩🏽‍💼🚀"),
            Self::RightToLeft => format!("مريم بن علي {usual} שלום"),
            Self::Longest => "Éà€ô".chars().cycle().take(limit).collect(),
            Self::Nulls => return None,
            Self::Empty => String::new(),
            Self::SurroundingSpaces => format!("  \u{a0}{usual} \u{a0} "),
            Self::Backslashes => format!("C:\\temp\\{usual} \\N \\. \\\\"),
            Self::Markup => format!("<b>{usual}</b> & R&D {{{{ contact.nom }}}} <script>"),
        };
        Some(text.chars().take(limit).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_twenty_people_show_every_kind_once() {
        let kinds: Vec<_> = (1..=20).map(Awkward::of_person).collect();
        assert_eq!(kinds, Awkward::ALL.map(Some));
        assert_eq!(Awkward::of_person(0), None);
        assert_eq!(Awkward::of_person(-1), None);
    }

    #[test]
    fn about_three_percent_of_the_others_are_awkward() {
        let awkward = (21..=10_020)
            .filter(|&id| Awkward::of_person(id).is_some())
            .count();
        assert!((250..=350).contains(&awkward), "{awkward}");
    }

    #[test]
    fn no_kind_exceeds_the_limit_and_the_longest_reaches_it() {
        for kind in Awkward::ALL {
            let length = kind
                .text("Durand", 12)
                .map_or(0, |text| text.chars().count());
            assert!(length <= 12, "{kind:?}");
            assert!(kind != Awkward::Longest || length == 12);
        }
    }
}

//! Error texts as they may be stored and logged: bounded, in one line, without mail addresses.
//!
//! Handlers must not put personal data into errors, but errors of libraries and servers quote
//! what they were given. Addresses are what they quote most and what is recognised surely.

/// Longest error text kept, in characters.
pub(crate) const MAX_CHARS: usize = 4000;

/// The text with every address replaced by `[address]` and control characters by spaces.
pub(crate) fn presentable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MAX_CHARS));
    for word in text.split_inclusive(|c: char| !part_of_address(c)) {
        let (word, end) = match word.char_indices().next_back() {
            Some((at, last)) if !part_of_address(last) => (&word[..at], Some(last)),
            _ => (word, None),
        };
        shown.push_str(if is_address(word) { "[address]" } else { word });
        shown.extend(end.map(|c| if c.is_control() { ' ' } else { c }));
    }
    match shown.char_indices().nth(MAX_CHARS) {
        Some((cut, _)) => shown[..cut].to_owned(),
        None => shown,
    }
}

fn part_of_address(c: char) -> bool {
    c.is_alphanumeric() || "@.!#$%&*+-/?^_~".contains(c)
}

fn is_address(word: &str) -> bool {
    let Some((name, host)) = word.rsplit_once('@') else {
        return false;
    };
    !name.is_empty() && host.contains('.') && !host.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        let text =
            "550 <anne.o+crm@mail.example.org>: Key (email)=(b@example.net) and c@example.com.";
        assert_eq!(
            presentable(text),
            "550 <[address]>: Key (email)=([address]) and [address]"
        );
    }

    #[test]
    fn what_is_no_address_stays() {
        let text = "user@ at 10:30, @home, a@b, price 3.50 €, C:\\x";
        assert_eq!(presentable(text), text);
    }

    #[test]
    fn lines_are_joined_and_the_length_is_bounded() {
        assert_eq!(presentable("one\r\ntwo\tthree"), "one  two three");
        assert_eq!(presentable(&"é".repeat(10_000)).chars().count(), MAX_CHARS);
    }
}
